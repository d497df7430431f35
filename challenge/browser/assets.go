package browser

import (
	_ "embed" // the page, its style and its scripts
	"fmt"
	"strings"

	"github.com/theriac-edge/theriac/webpage"
)

// The scripts keep their top-level names: solver.js puts the source text of its
// functions together into a worker. Both sets of targets are from 2018 to 2019;
// esbuild fails on syntax that such browsers do not know.
//
//go:generate go tool -modfile=../../tools/go.mod esbuild --minify --target=es2018 --charset=utf8 --log-level=warning --outdir=. --out-extension:.js=.min.js solver.js page.js snippet.js
//go:generate go tool -modfile=../../tools/go.mod esbuild --minify --target=chrome70,firefox68,safari12 --charset=utf8 --log-level=warning --outdir=. --out-extension:.css=.min.css page.css

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.min.css
	pageCSS string
	//go:embed solver.min.js
	solverJS string
	//go:embed page.min.js
	pageJS string
	//go:embed snippet.min.js
	snippetJS string

	// Style and script are the same for all visitors, so that the policy can name
	// them by their hashes.
	style  = strings.TrimSpace(pageCSS)
	script = function(fmt.Sprintf("const challengePath=%q,passPath=%q,waitPath=%q,submit=%q;", ChallengePath, PassPath, WaitPath, submit), solverJS, pageJS)

	pageTemplate = webpage.Parse(pageHTML, "token", "reference", "wait", "delay", "form")
)

// submit is the script of the document that sends another site's form again. One of its fields
// may be called "submit".
const submit = "HTMLFormElement.prototype.submit.call(document.forms[0])"

// function makes one of scripts, so that their names are their own.
func function(scripts ...string) string {
	for i := range scripts {
		scripts[i] = strings.TrimSpace(scripts[i])
	}
	return "(()=>{" + strings.Join(scripts, "") + "})()"
}

// Snippet is the script that a shop includes from SnippetPath, so that requests
// of its own scripts survive a challenge: it has a hidden frame solve it, and
// sends the request again, once.
var Snippet = []byte(function(snippetJS))

// Solver is the page's search for nonces alone, for measurements: a script that
// defines unrolled, which returns the source of a worker, and rolled.
var Solver = solverJS

// Script and style are named by hash: the policy allows exactly those, and needs
// nothing random per response, as a nonce would. Anybody may frame the pages: a
// bank's frame in the shop's own page is an ancestor, too, and they hold nothing that a
// hidden click could get at. Forms may lead anywhere: the shop answers some with a redirect
// to a payment service.
var (
	policy = "default-src 'none'; script-src " + webpage.CSPHash(script) + " " + webpage.CSPHash(submit) + "; style-src " + webpage.CSPHash(style) +
		"; worker-src blob:; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors *"
	noticePolicy = "default-src 'none'; style-src " + webpage.CSPHash(style) +
		"; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors *"
)

// Policy returns the Content-Security-Policy of the page.
func (p *Page) Policy() string { return policy }

// NoticePolicy returns the Content-Security-Policy of CookiesPage and ResendPage.
func NoticePolicy() string { return noticePolicy }
