package waf

import (
	"bytes"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/theriac-edge/theriac/shop"
)

// maxAnswer is how much of an answer is held back until it was inspected. A
// longer one goes out as it comes.
const maxAnswer = 512 << 10

// readable are the content types in which a shop says more than it should. It
// is also the list of SecResponseBodyMimeType in engine.conf.
var readable = []string{"text/html", "text/plain", "text/xml", "application/json"}

// watch hands the request on and inspects the answer. It ends the transaction.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request, v *shop.Visit, tx transaction, next caddyhttp.Handler) error {
	defer h.finish(tx)
	a := &answer{
		ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		h:                     h, visit: v, tx: tx, proto: r.Proto, before: maps.Clone(w.Header()),
	}
	// Rules cannot read what is compressed. An `encode` that is to compress
	// afterwards stands before the shield: `order encode first`.
	plain := *r
	plain.Header = maps.Clone(r.Header)
	plain.Header.Del("Accept-Encoding")
	err := next.ServeHTTP(a, &plain)
	switch {
	case err != nil && a.found == nil:
		a.forget() // and let the error be answered
		return err
	case a.found == nil:
		a.end()
	}
	if a.found == nil {
		return nil
	}
	return h.conclude(w, r, v, a.found, next)
}

// answer holds an answer back until the rules have read it.
type answer struct {
	*caddyhttp.ResponseWriterWrapper
	h      *Handler
	visit  *shop.Visit
	tx     transaction
	proto  string
	before http.Header // what there was before the shop answered

	status int      // 0: the shop has said nothing yet
	held   bool     // back, in body
	free   bool     // to go, whatever it says
	found  *finding // why it must not go out
	body   bytes.Buffer
}

// WriteHeader inspects the header and decides whether the body is held back.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.status != 0:
		return
	case status < 200: // on the way to an answer, or a protocol of its own
		if status == http.StatusSwitchingProtocols {
			a.status = status
		}
		a.ResponseWriter.WriteHeader(status)
		return
	}
	a.status = status
	a.inspect(func() (*types.Interruption, error) {
		for name, values := range a.Header() {
			for _, value := range values {
				a.tx.AddResponseHeader(name, value)
			}
		}
		return a.tx.ProcessResponseHeaders(status, a.proto), nil
	})
	if a.found != nil {
		return
	}
	if a.held = !a.free && a.canHold(); !a.held {
		a.ResponseWriter.WriteHeader(status)
	}
}

// canHold reports whether this is an answer that ends, and that is small
// enough and of a type that the rules can read.
func (a *answer) canHold() bool {
	header := a.Header()
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	length, err := strconv.Atoi(header.Get("Content-Length"))
	tooLong := err == nil && length > maxAnswer
	return slices.Contains(readable, media) && header.Get("Content-Encoding") == "" && !tooLong
}

// Write holds the body back, or lets all of it go once it is too long.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	switch {
	case a.found != nil:
		return len(p), nil // it goes nowhere
	case a.held && a.body.Len()+len(p) > maxAnswer:
		a.release()
	case a.held:
		return a.body.Write(p)
	}
	return a.ResponseWriter.Write(p)
}

// ReadFrom is a way around Write that a wrapped writer offers.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	if a.status != 0 && !a.held && a.found == nil {
		return a.ResponseWriterWrapper.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{a}, r)
}

// FlushError flushes what is not held back. The proxy flushes every answer of
// unknown length, so this is no sign of a stream.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.held || a.found != nil {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// end inspects a whole body and lets it go if nothing is wrong with it.
func (a *answer) end() {
	if !a.held {
		return
	}
	a.inspect(func() (*types.Interruption, error) {
		if it, _, err := a.tx.WriteResponseBody(a.body.Bytes()); it != nil || err != nil {
			return it, err
		}
		return a.tx.ProcessResponseBody()
	})
	if a.found == nil {
		a.release()
	}
}

// release lets go what was held back.
func (a *answer) release() {
	if !a.held {
		return
	}
	a.held = false
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write(a.body.Bytes()) // the visitor may have left
	a.body = bytes.Buffer{}
}

// forget takes back what the shop said: the page that goes out instead of it
// has a header of its own.
func (a *answer) forget() {
	if a.status != 0 && !a.held && a.found == nil {
		return // it is out
	}
	a.held, a.body = false, bytes.Buffer{}
	clear(a.Header())
	maps.Copy(a.Header(), a.before)
}

// inspect runs rules over the answer.
func (a *answer) inspect(run func() (*types.Interruption, error)) {
	var found *finding
	a.h.budget.spend(threadTime(func() { found = a.judge(run) }))
	switch {
	case found == nil:
	case a.h.Shadow:
		a.h.note(a.visit, found)
		a.h.series.shadow.Inc()
		a.free = true
	default:
		a.found = found
		a.forget()
	}
}

// judge is what the rules say of the answer.
func (a *answer) judge(run func() (*types.Interruption, error)) (found *finding) {
	defer func() {
		if fault := recover(); fault != nil {
			a.h.log.Error("the engine failed on an answer, which is refused; please report it", faultOf(fault))
			found = &finding{rule: "engine", status: http.StatusBadGateway}
		}
	}()
	it, err := run()
	if err != nil {
		return &finding{rule: "engine", status: http.StatusBadGateway}
	}
	if it == nil {
		return nil
	}
	found = a.h.verdict(a.tx, it)
	found.rule, found.status = "leak", http.StatusBadGateway // the fault is the shop's
	return found
}

// finish ends a transaction. Only rules of a shop's own have a use for the
// last phase: they may switch on Coraza's audit log.
func (h *Handler) finish(tx transaction) {
	defer func() {
		if fault := recover(); fault != nil {
			h.log.Error("the engine failed after a request; please report it", faultOf(fault))
		}
	}()
	if len(h.Rules) > 0 {
		tx.ProcessLogging()
	}
	_ = tx.Close() // its files are gone with the folder at the latest
}
