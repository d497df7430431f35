package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/theriac-edge/theriac/incident"
)

// HTML writes one page that holds everything it shows: no script, nothing to fetch. It satisfies
// the policy default-src 'none'; style-src 'unsafe-inline'.
func (r *Report) HTML(to io.Writer) error {
	if err := r.document().HTML(to); err != nil {
		return fmt.Errorf("writing the report of incident %s as HTML: %w", r.Record.ID, err)
	}
	return nil
}

// Markdown writes the same as text, with tables in place of plots.
func (r *Report) Markdown(to io.Writer) error {
	if err := r.document().Markdown(to); err != nil {
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
