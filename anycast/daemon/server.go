package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/anycast/control"
	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/hint"
)

const (
	maxBody    = 16 << 10
	longestWhy = 200
)

// listen makes the socket, for its owner and its group. That of a process that was killed is
// replaced, that of a running one is not.
func (d *Daemon) listen() (net.Listener, error) {
	path := d.config.Socket
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, hint.Errorf("systemctl status anycastd", "listening at %s: another anycastd does", path)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // if it cannot be, listening says so
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening for operators: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for operators: %w", err), l.Close())
	}
	return l, nil
}

// operatorKey is the key of the operator's name in a request's context.
type operatorKey struct{}

// serve answers operators until the socket is closed.
func (d *Daemon) serve(l net.Listener) {
	server := &http.Server{
		Handler: d.routes(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			by := audit.Unknown
			if c, ok := conn.(*net.UnixConn); ok {
				if peer, err := audit.UnixPeer(c); err == nil {
					by = audit.Operator(peer.UID, peer.PID)
				}
			}
			return context.WithValue(ctx, operatorKey{}, by)
		},
	}
	if err := server.Serve(l); !errors.Is(err, net.ErrClosed) {
		d.warn("operators are not answered", err)
	}
}

func (d *Daemon) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, d.status(d.now()), nil) })
	mux.HandleFunc("GET /history", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		answer(w, d.edge.History(), nil)
	})
	for _, act := range []string{"drain", "undrain", "withdraw"} {
		mux.HandleFunc("POST /"+act, func(w http.ResponseWriter, r *http.Request) {
			var o control.Order
			if !read(w, r, &o) {
				return
			}
			answer(w, struct{}{}, d.order(act, operator(r), o))
		})
	}
	mux.HandleFunc("POST /escalations", func(w http.ResponseWriter, r *http.Request) {
		var s anycast.Escalation
		if !read(w, r, &s) {
			return
		}
		s.By = []string{operator(r)}
		got, err := d.escalate(s)
		answer(w, got, err)
	})
	mux.HandleFunc("POST /escalations/{id}/{act}", func(w http.ResponseWriter, r *http.Request) {
		var proof anycast.Evidence
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil {
			answer(w, nil, fmt.Errorf("%q is not a number of an escalation", r.PathValue("id")))
			return
		}
		if !read(w, r, &proof) {
			return
		}
		got, err := d.change(id, r.PathValue("act"), operator(r), proof)
		answer(w, got, err)
	})
	return mux
}

func operator(r *http.Request) string {
	by, _ := r.Context().Value(operatorKey{}).(string)
	return by
}

// read decodes a body, or answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		answer(w, nil, fmt.Errorf("decoding the request: %w", err))
		return false
	}
	return true
}

// answer writes an answer, or what is wrong and what to try. What cannot be written was for an
// operator that has gone.
func answer(w http.ResponseWriter, what any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusConflict)
		what = control.Problem{Error: err.Error(), Try: hint.Of(err)}
	}
	_ = json.NewEncoder(w).Encode(what)
}

func (d *Daemon) status(now time.Time) control.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := control.Status{
		Edge: d.config.Edge, State: d.last.State, Why: d.last.Why, Alarm: d.last.Alarm, Health: d.health,
		HandOn: d.last.HandOn, Speaker: d.failed, Edges: d.edge.Others(now), Keep: d.config.Keep, Escalations: d.ladder.All(now),
	}
	for _, one := range d.sessions {
		s.Sessions = append(s.Sessions, control.Session(one))
	}
	return s
}

// order carries out what a person wants of the edge.
func (d *Daemon) order(act, by string, o control.Order) (err error) {
	if err := audit.CheckWhy(o.Why, longestWhy); err != nil {
		return err
	}
	grace := anycast.Goodbye
	if o.Grace != "" {
		if grace, err = time.ParseDuration(o.Grace); err != nil {
			return fmt.Errorf("draining: %w", err)
		}
	}
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch act {
	case "drain":
		err = d.edge.Drain(now, grace, by, o.Why)
		d.edge.SetConnections(connections(d.config.Health.Addresses))
	case "withdraw":
		err = d.edge.Withdraw(now, o.Force, by, o.Why)
	case "undrain":
		err = d.edge.Undrain(now, by, o.Why)
	}
	if err == nil {
		d.record(audit.Act{At: now, Act: act, Who: by, What: d.config.Edge, Why: o.Why})
	}
	return err
}

// record logs an act.
func (d *Daemon) record(a audit.Act) { d.log.Info(audit.Message, a.Fields()...) }
