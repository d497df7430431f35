package backend

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// keepOpen lifts Caddy's timeouts of a request from a WebSocket over HTTP/2 or HTTP/3, as
// they do not hold for one over HTTP/1.1: it is silent between two prescriptions, and as
// slow as people are. A single write may still take no longer than write_idle.
//
// Where an access log wraps the body, the timeouts of its reading cannot be reached.
func keepOpen(w http.ResponseWriter, r *http.Request) {
	if body, ok := r.Body.(*caddyhttp.IdleTimeoutReader); ok {
		body.Deadline.HardDeadline = time.Time{} // or SetReadDeadline would put it back
		r.Body = body.ReadCloser
	}
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // of the whole request; errors where there is none
	_ = c.SetWriteDeadline(time.Time{})
	for {
		if idle, ok := w.(*caddyhttp.IdleTimeoutWriter); ok {
			idle.Deadline.HardDeadline = time.Time{}
			idle.Override(idle.Deadline.Timeout, 0, 0)
			return
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = inner.Unwrap()
	}
}
