package report

import (
	"embed"
	"encoding/json"
	"fmt"
	html "html/template"
	"io"
	text "text/template"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
)

//go:embed report.html report.md.tmpl
var templates embed.FS

var (
	htmlTemplate = html.Must(plot.HTML("report.html").ParseFS(templates, "report.html"))
	textTemplate = text.Must(plot.Markdown("report.md.tmpl").ParseFS(templates, "report.md.tmpl"))
)

// HTML writes one page that holds everything it shows: no script, nothing to fetch. It satisfies
// the policy default-src 'none'; style-src 'unsafe-inline'.
func (r *Report) HTML(to io.Writer) error {
	if err := htmlTemplate.Execute(to, r.document()); err != nil {
		return fmt.Errorf("writing the report of incident %s as HTML: %w", r.Record.ID, err)
	}
	return nil
}

// Markdown writes the same as text, with tables in place of plots.
func (r *Report) Markdown(to io.Writer) error {
	if err := textTemplate.Execute(to, r.document()); err != nil {
		return fmt.Errorf("writing the report of incident %s as Markdown: %w", r.Record.ID, err)
	}
	return nil
}

// JSON writes the record and its lines of the ledger.
func (r *Report) JSON(to io.Writer) error {
	out := json.NewEncoder(to)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err := out.Encode(struct {
		Record *incident.Record `json:"record"`
		Ledger []incident.Line  `json:"ledger"`
	}{r.Record, r.lines()})
	if err != nil {
		return fmt.Errorf("writing the report of incident %s as JSON: %w", r.Record.ID, err)
	}
	return nil
}
