package shieldctl

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/shop"
)

// IncidentList answers which incidents there are.
type IncidentList struct {
	Incidents []incidents.Summary `json:"incidents"` // open ones first, then the latest
	Notices   []string            `json:"notices,omitempty"`
}

// Incident is one incident: its record, and its lines of the ledger.
type Incident struct {
	Record *incident.Record `json:"record"`
	Ledger []incident.Line  `json:"ledger"`
}

// usualSince is from when on incidents are listed.
const usualSince = 30 * 24 * time.Hour

// keeper finds the app, and what records incidents.
func (a *Admin) keeper(r *http.Request, method string) (*shield.App, *incidents.Keeper, error) {
	if r.Method != method {
		return nil, nil, wrongMethod(method)
	}
	app, err := a.app()
	if err != nil {
		return nil, nil, err
	}
	return app, app.Attacks(), nil
}

// shopIn reads which shop a query is about; empty: all.
func shopIn(r *http.Request) (shop.ID, error) {
	text := r.URL.Query().Get("shop")
	if text == "" {
		return "", nil
	}
	id, err := shop.ParseID(text)
	if err != nil {
		return "", badRequest(err)
	}
	return id, nil
}

func (a *Admin) incidents(w http.ResponseWriter, r *http.Request) error {
	_, keeper, err := a.keeper(r, http.MethodGet)
	if err != nil {
		return err
	}
	of, err := shopIn(r)
	if err != nil {
		return err
	}
	since := time.Now().Add(-usualSince)
	if text := r.URL.Query().Get("since"); text != "" {
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return badRequest(fmt.Errorf("invalid since %.40q: want a time such as 2026-11-01T00:00:00Z", text))
		}
	}
	var list IncidentList
	list.Incidents, list.Notices = keeper.List(r.Context(), since, of)
	return reply(w, list)
}

// reportTypes are the formats of a report, and their media types.
var reportTypes = map[string]string{
	"json": "application/json", "markdown": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8",
}

func (a *Admin) incident(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		return a.noteIncident(w, r)
	}
	_, keeper, err := a.keeper(r, http.MethodGet)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	format := query.Get("format")
	if _, ok := reportTypes[format]; !ok && format != "" {
		return badRequest(fmt.Errorf("invalid format %.40q: want json, markdown or html", format))
	}
	record, lines, err := keeper.Get(r.Context(), query.Get("id"))
	if err != nil {
		return incidentError(err)
	}
	if format == "" {
		return reply(w, Incident{Record: record, Ledger: lines})
	}
	report := keeper.ReportOf(record, lines)
	write := report.JSON
	switch format {
	case "markdown":
		write = report.Markdown
	case "html":
		write = report.HTML
	}
	var out bytes.Buffer
	if err := write(&out); err != nil {
		return err
	}
	w.Header().Set("Content-Type", reportTypes[format])
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, err = out.WriteTo(w)
	return err
}

// incidentError is 404 for an incident that does not exist.
func incidentError(err error) error {
	if errors.Is(err, incidents.ErrUnknown) {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
	}
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
}

// NoteRequest adds a note to an incident.
type NoteRequest struct {
	Incident string `json:"incident"`
	Note     string `json:"note"`
}

// NoteResponse answers a NoteRequest that was carried out.
type NoteResponse struct {
	Incident string `json:"incident"`
	Who      string `json:"who"`
}

// longestNote is how long a note may be, in bytes.
const longestNote = 300

func (a *Admin) noteIncident(w http.ResponseWriter, r *http.Request) error {
	var q NoteRequest
	if err := read(w, r, &q); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return badRequest(err)
	}
	app, keeper, err := a.keeper(r, http.MethodPost)
	if err != nil {
		return err
	}
	act := audit.Act{Act: "note", What: q.Incident}
	return concludeAs(w, r, app, act, func(operator string) (any, error) {
		note := incident.Act{At: app.Time(time.Now()), Who: operator, Text: q.Note}
		return NoteResponse{Incident: q.Incident, Who: operator}, keeper.Note(r.Context(), q.Incident, note)
	})
}

// check rejects a note that would be cut, or not be legible.
func (q *NoteRequest) check() error {
	switch text := strings.TrimSpace(q.Note); {
	case text == "":
		return errors.New("missing note: want what colleagues are to know of the incident")
	case len(q.Note) > longestNote || strings.ContainsFunc(q.Note, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("invalid note: want one line of at most %d bytes", longestNote)
	}
	return nil
}
