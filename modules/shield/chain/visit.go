package chain

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop"
)

// visitVar is the name of the visit in Caddy's table of variables, which every
// request has anyway.
const visitVar = "theriac_visit"

// SetVisit hands the visit to the stages that follow.
func SetVisit(r *http.Request, v *shop.Visit) {
	caddyhttp.SetVar(r.Context(), visitVar, v)
}

// VisitOf returns the visit of a request, or nil if no shop_visit came before.
func VisitOf(r *http.Request) *shop.Visit {
	v, _ := caddyhttp.GetVar(r.Context(), visitVar).(*shop.Visit)
	return v
}

// Refusal is the error with which a stage refuses a visit. Its text is for
// operators; what the visitor reads is up to shop_refusal.
type Refusal struct {
	Outcome   shop.Outcome
	Wait      time.Duration // until trying again can succeed
	Reference string        // by which an operator finds the client
}

func (r *Refusal) Error() string {
	return "refused by " + r.Outcome.Stage + ", rule " + r.Outcome.Rule
}

// Refuse ends the visit with an error of this status, so that handle_errors can
// answer it.
func Refuse(v *shop.Visit, status int, o shop.Outcome, wait time.Duration) error {
	return refuse(v, status, o, wait, v.Client.Reference())
}

// RefuseAs is Refuse for a request that would be refused later too. Operators
// find it by a reference of its own.
func RefuseAs(v *shop.Visit, status int, o shop.Outcome, reference string) error {
	return refuse(v, status, o, 0, reference)
}

func refuse(v *shop.Visit, status int, o shop.Outcome, wait time.Duration, reference string) error {
	v.Outcome = o
	return caddyhttp.HandlerError{
		Err:        &Refusal{Outcome: o, Wait: wait, Reference: reference},
		StatusCode: status,
		ID:         reference,
		Trace:      o.Stage,
	}
}

// BackendLatency returns how long the shop took until it answered, 0 if it was not asked.
func BackendLatency(r *http.Request) time.Duration {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return 0
	}
	took, _ := repl.Get("http.reverse_proxy.upstream.latency")
	latency, _ := took.(time.Duration)
	return latency
}

// IsExtendedConnect reports whether a request opens a WebSocket over HTTP/2 (RFC 8441) or
// HTTP/3 (RFC 9220). It has no body: what its body would be flows until the WebSocket ends,
// so no stage may read it.
func IsExtendedConnect(r *http.Request) bool {
	if r.Method != http.MethodConnect {
		return false
	}
	switch r.ProtoMajor {
	case 2:
		return r.Header.Get(":protocol") == "websocket" // no other client can send this name
	case 3:
		return r.Proto == "websocket"
	}
	return false
}
