// Package browser is what a visitor's browser gets of the challenge: a page that
// solves it in web workers and then reloads itself, in seven languages; the
// snippet with which a shop's own scripts do the same; and two notices for
// browsers that cannot. modules/challenge serves them. The package knows neither
// requests nor keys, and renders each page once, so that a flood of challenges
// costs copies only. It fails towards the visitor: where workers are forbidden the
// page computes by itself, where its script does not run or is too slow it waits
// instead, where its token has expired it asks for another, where cookies are forbidden
// it says so, and it stops after three rounds, even if a service worker has stored it.
package browser

// What the page and the snippet talk to. All of it is on the shop's own host.
const (
	ChallengePath = "/.theriac/challenge" // GET: a fresh token; POST: answers
	PassPath      = "/.theriac/pass"      // GET: 204 if the pass arrived, 403 if not
	WaitPath      = "/.theriac/wait"      // GET: a pass for a token after its delay, and on
	SnippetPath   = "/.theriac/solve.js"

	// ChallengeHeader carries, in a response to a script, the path of the page
	// that solves in a frame. The page has it as well, so that it can be told from
	// the shop's.
	ChallengeHeader = "X-Theriac-Challenge"
)

// Values are what differs by visitor. Each is escaped, and cut after
// webpage.MaxValue bytes.
type Values struct {
	// The challenge: 59 characters of base64url.
	Token string

	// By which an operator finds the visitor, such as efr3-yz60.
	Reference string

	// Where a visitor without JavaScript goes after the delay: a path of this
	// host. Anything else counts as empty: then there is no such way, and the page
	// says so.
	Wait string

	// The delay in seconds.
	Delay int

	// The body of a form, as application/x-www-form-urlencoded, that the page sends
	// again where a reload would ask the visitor first; empty for none. With a "&" in
	// front it was another site's form, and is sent again as another site's. A "&" alone
	// is one that is too large for that: then the page asks the visitor to send it again.
	Form string
}
