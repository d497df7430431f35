package plot

import (
	"embed"
	html "html/template"
	"io"
	"strings"
	text "text/template"
)

// A Document is what people read of a drill or an incident. Its methods fail only if the
// writer does.
type Document struct {
	Title    string   // the heading
	ID       string   // (optional) stands in the title of the browser's tab as well
	Subject  string   // what State is about: an incident's ID, the time of a drill
	State    string   // one word or two, such as "still open"
	Settled  bool     // whether State is good news
	Made     string   // when the document was made
	Lead     []string // its paragraphs
	Figures  []KeyFigure
	Sections []Section
}

// A KeyFigure is one of the few that stand at the top.
type KeyFigure struct{ Label, Value, Note string }

// A Section has any of these.
type Section struct {
	ID, Title string
	Text      []string
	Tables    []*Table
	Plots     []*Plot
	Terms     []Term
}

// A Term is explained.
type Term struct{ Name, Meaning string }

// Add appends the sections that have something.
func (d *Document) Add(sections ...Section) {
	for _, s := range sections {
		if s.Text != nil || s.Tables != nil || s.Plots != nil || s.Terms != nil {
			d.Sections = append(d.Sections, s)
		}
	}
}

//go:embed document.html plot.html document.md.tmpl
var templates embed.FS

var (
	htmlTemplate = html.Must(html.ParseFS(templates, "document.html", "plot.html"))
	textTemplate = text.Must(text.New("document.md.tmpl").Funcs(text.FuncMap{"md": escapeMarkdown}).
			ParseFS(templates, "document.md.tmpl"))
)

// HTML writes one page that holds everything it shows: no script, nothing to fetch. It
// satisfies the policy default-src 'none'; style-src 'unsafe-inline'.
func (d *Document) HTML(to io.Writer) error {
	return htmlTemplate.Execute(to, d)
}

// Markdown writes the same as text, with tables in place of plots.
func (d *Document) Markdown(to io.Writer) error {
	return textTemplate.Execute(to, d)
}

// escapeMarkdown keeps what a text says from being markup, in a table or out of it.
func escapeMarkdown(s string) string {
	var out strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_[]<>|#~", r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
