//go:build linux

package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/scrubd/peersock"
)

// The largest bodies: a batch of client.MaxBatch bans takes some 200 KB.
const (
	maxBatchBody  = 512 << 10
	maxChangeBody = 4 << 10
)

// Problem is an error as it goes over the socket.
type Problem struct {
	Error string `json:"error"`
	Try   string `json:"try,omitempty"`
}

// Change is a request of an operator to add a prefix to a list, or to remove it.
type Change struct {
	Prefix netip.Prefix `json:"prefix"`
	For    string       `json:"for,omitempty"` // a duration; may be missing to allow
	Why    string       `json:"why,omitempty"`
}

// Changed is the answer to a Change that was carried out.
type Changed struct {
	Prefix netip.Prefix `json:"prefix"`
	Until  time.Time    `json:"until,omitzero"` // zero: it does not end
	Notice string       `json:"notice,omitempty"`
}

// badRequest is an error of what the peer has sent: status 400.
type badRequest struct{ error }

// Unwrap returns what is wrong with it.
func (b badRequest) Unwrap() error { return b.error }

// conflict is an error of the state that the request meets: status 409.
type conflict struct{ error }

// Unwrap returns what stands against the request.
func (c conflict) Unwrap() error { return c.error }

type endpoint func(http.ResponseWriter, *http.Request) error

// handler answers peers according to their role.
func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, needs peersock.Role, e endpoint) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { d.answer(w, r, needs, e) })
	}
	route("POST "+client.Path, peersock.RoleEdge, d.postBans)
	route("GET /status", peersock.RoleEdge, func(w http.ResponseWriter, r *http.Request) error {
		answer, err := d.status(time.Now())
		if p, _ := peersock.FromContext(r.Context()); d.roles.Of(p) >= peersock.RoleAdmin {
			answer.Acts = d.trail.Acts()
		}
		return reply(w, answer, err)
	})
	route("GET "+client.CountsPath, peersock.RoleEdge, func(w http.ResponseWriter, _ *http.Request) error {
		answer, err := d.counts()
		return reply(w, answer, err)
	})
	metrics := promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{})
	route("GET /metrics", peersock.RoleEdge, func(w http.ResponseWriter, r *http.Request) error {
		metrics.ServeHTTP(w, r)
		return nil
	})
	route("GET /top", peersock.RoleAdmin, d.getTop)
	route("GET /samples", peersock.RoleAdmin, d.getSamples)
	route("GET /policy", peersock.RoleAdmin, func(w http.ResponseWriter, _ *http.Request) error { return reply(w, d.current().Config, nil) })
	route("POST /policy", peersock.RoleAdmin, func(w http.ResponseWriter, r *http.Request) error {
		p, _ := peersock.FromContext(r.Context())
		answer, err := d.reload(p.Operator(), "")
		return reply(w, answer, err)
	})
	route("GET /deny", peersock.RoleAdmin, func(w http.ResponseWriter, _ *http.Request) error { return reply(w, d.list.Denied(), nil) })
	route("POST /deny", peersock.RoleAdmin, d.change("deny add", d.addDenied))
	route("DELETE /deny", peersock.RoleAdmin, d.change("deny remove", func(a denylist.Annotation, _ Change) (Changed, error) {
		notice, err := d.list.RemoveDenied(a.Prefix)
		return Changed{Prefix: a.Prefix, Notice: notice}, err
	}))
	route("GET /allow", peersock.RoleAdmin, func(w http.ResponseWriter, _ *http.Request) error {
		answer, err := d.list.Allowed()
		return reply(w, answer, err)
	})
	route("POST /allow", peersock.RoleAdmin, d.change("allow add", d.addAllowed))
	route("DELETE /allow", peersock.RoleAdmin, d.change("allow remove", func(a denylist.Annotation, _ Change) (Changed, error) {
		notice, err := d.list.RemoveAllowed(a.Prefix)
		return Changed{Prefix: a.Prefix, Notice: notice}, err
	}))
	route("POST "+client.HandOnPath, peersock.RoleEdge, d.postHandOn)
	route("DELETE "+client.HandOnPath, peersock.RoleEdge, d.deleteHandOn)
	return mux
}

// answer has an endpoint answer a peer whose role permits it.
func (d *Daemon) answer(w http.ResponseWriter, r *http.Request, needs peersock.Role, e endpoint) {
	p, known := peersock.FromContext(r.Context())
	if !known || d.roles.Of(p) < needs {
		list := "admins"
		if needs == peersock.RoleEdge {
			list = "edges or admins"
		}
		fail(w, http.StatusForbidden, hint.Errorf("name the user in "+list+" of the policy file's section daemon, and restart scrubd",
			"permission denied: %s may not %s %s", p.Name(), r.Method, r.URL.Path))
		return
	}
	err := e(w, r)
	if err == nil {
		return
	}
	status := http.StatusInternalServerError
	_, bad := errors.AsType[badRequest](err)
	_, clash := errors.AsType[conflict](err)
	_, refused := errors.AsType[denylist.Refusal](err)
	switch {
	case bad:
		status = http.StatusBadRequest
	case clash, refused:
		status = http.StatusConflict
	default:
		d.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	fail(w, status, err)
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{Error: err.Error(), Try: hint.Of(err)}) // fails only if the peer has gone
}

// reply writes the answer, or returns the error.
func reply(w http.ResponseWriter, answer any, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // fails only if the peer has gone
	return nil
}

// readBody decodes a body of bounded size.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	if err := d.Decode(into); err != nil {
		return badRequest{fmt.Errorf("reading the body: %w", err)}
	}
	return nil
}

// maxEdgeName is how long an edge's name may be.
const maxEdgeName = 64

func (d *Daemon) postBans(w http.ResponseWriter, r *http.Request) error {
	var batch client.SyncRequest
	if err := readBody(w, r, maxBatchBody, &batch); err != nil {
		return err
	}
	switch {
	case len(batch.Bans) > client.MaxBatch:
		return badRequest{fmt.Errorf("%d bans in one request: want at most %d", len(batch.Bans), client.MaxBatch)}
	case batch.Edge == "" || len(batch.Edge) > maxEdgeName || strconv.Quote(batch.Edge) != `"`+batch.Edge+`"`:
		return badRequest{fmt.Errorf("invalid name of an edge %.80q: want 1 to %d printable characters", batch.Edge, maxEdgeName)}
	}
	p, _ := peersock.FromContext(r.Context())
	answer, err := d.list.ApplyBans(denylist.EdgeID{UID: p.UID, Name: batch.Edge}, batch.Bans, time.Now())
	if errors.Is(err, denylist.ErrTooManyEdges) {
		return conflict{err}
	}
	return reply(w, answer, err)
}

// change is an endpoint that carries out a Change and records it.
func (d *Daemon) change(act string, apply func(denylist.Annotation, Change) (Changed, error)) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		var c Change
		if err := readBody(w, r, maxChangeBody, &c); err != nil {
			return err
		}
		p, _ := peersock.FromContext(r.Context())
		a := denylist.Annotation{Prefix: c.Prefix, By: p.Operator(), Why: c.Why, Since: time.Now()}
		if err := a.Check(); err != nil {
			return badRequest{err}
		}
		answer, err := apply(a, c)
		if err == nil {
			d.record(audit.Act{Act: act, Who: a.By, What: c.Prefix.String(), Why: c.Why, Until: answer.Until})
		}
		return reply(w, answer, err)
	}
}

// record logs an act of an operator, and keeps it for the status.
func (d *Daemon) record(act audit.Act) {
	act.At = time.Now()
	d.trail.Add(act)
	d.log.Info(audit.Message, act.Fields()...)
}

func (d *Daemon) addDenied(a denylist.Annotation, c Change) (Changed, error) {
	until, err := c.until(a.Since)
	if err != nil {
		return Changed{}, badRequest{fmt.Errorf("%w; to deny for good, use deny: in the policy file", err)}
	}
	a.Until = until
	notice, err := d.list.Deny(a)
	return Changed{Prefix: a.Prefix, Until: a.Until, Notice: notice}, err
}

// addAllowed allows a prefix, until the next boot if no end is given.
func (d *Daemon) addAllowed(a denylist.Annotation, c Change) (Changed, error) {
	if c.For != "" {
		until, err := c.until(a.Since)
		if err != nil {
			return Changed{}, badRequest{fmt.Errorf("%w; to allow for good, use allow: in the policy file", err)}
		}
		a.Until = until
	}
	notice, err := d.list.Allow(a)
	return Changed{Prefix: a.Prefix, Until: a.Until, Notice: notice}, err
}

// until is the end of a change.
func (c Change) until(since time.Time) (time.Time, error) {
	ttl, err := time.ParseDuration(c.For)
	if err != nil || ttl < time.Second || ttl > denylist.MaxManualTTL {
		return time.Time{}, fmt.Errorf("invalid duration %q: want 1s to %s, e.g. 30m", c.For, denylist.MaxManualTTL)
	}
	return since.Add(ttl), nil
}
