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

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/shop"
)

// maxBuffered is how much of a response is buffered until it has been inspected. A
// longer response is streamed.
const maxBuffered = 512 << 10

// readable are the content types in which a shop could leak something, the same as
// SecResponseBodyMimeType in engine.conf.
var readable = []string{"text/html", "text/plain", "text/xml", "application/json"}

// inspectResponse passes the request on and inspects the response. It finishes the
// transaction.
func (h *Handler) inspectResponse(w http.ResponseWriter, r *http.Request, v *shop.Visit, tx transaction, next caddyhttp.Handler) error {
	defer h.finish(tx)
	b := &bufferedResponse{
		ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		h:                     h, visit: v, tx: tx, proto: r.Proto, before: maps.Clone(w.Header()),
	}
	// Rules cannot read compressed text. For an `encode` that compresses afterwards,
	// the order is set by `order encode first`.
	plain := *r
	plain.Header = maps.Clone(r.Header)
	plain.Header.Del("Accept-Encoding")
	err := h.pass(b, &plain, v, next)
	switch {
	case err != nil && b.found == nil:
		b.discard() // the error routes answer
		return err
	case b.found == nil:
		b.end()
	}
	if b.found == nil {
		return nil
	}
	return h.conclude(w, r, v, b.found, next)
}

// bufferedResponse buffers a response until the rules have read it.
type bufferedResponse struct {
	*caddyhttp.ResponseWriterWrapper
	h      *Handler
	visit  *shop.Visit
	tx     transaction
	proto  string
	before http.Header // as it was before the shop answered

	status   int      // 0: the shop has not answered yet
	buffered bool     // in body
	passed   bool     // in shadow mode, whatever the rules find
	found    *finding // why the response is not sent
	body     bytes.Buffer
}

// WriteHeader inspects the header and decides whether the body is buffered.
func (b *bufferedResponse) WriteHeader(status int) {
	switch {
	case b.status != 0:
		return
	case status < 200: // informational, or another protocol
		if status == http.StatusSwitchingProtocols {
			b.status = status
		}
		b.ResponseWriter.WriteHeader(status)
		return
	}
	b.status = status
	b.inspect(func() (*types.Interruption, error) {
		for name, values := range b.Header() {
			for _, value := range values {
				b.tx.AddResponseHeader(name, value)
			}
		}
		return b.tx.ProcessResponseHeaders(status, b.proto), nil
	})
	if b.found != nil {
		return
	}
	if b.buffered = !b.passed && b.canBuffer(); !b.buffered {
		b.ResponseWriter.WriteHeader(status)
	}
}

// canBuffer reports whether the response is small enough and of a type that the rules
// can read.
func (b *bufferedResponse) canBuffer() bool {
	header := b.Header()
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	length, err := strconv.Atoi(header.Get("Content-Length"))
	tooLong := err == nil && length > maxBuffered
	return slices.Contains(readable, media) && header.Get("Content-Encoding") == "" && !tooLong
}

// Write buffers the body, or releases all of it once it is too long.
func (b *bufferedResponse) Write(p []byte) (int, error) {
	if b.status == 0 {
		b.WriteHeader(http.StatusOK)
	}
	switch {
	case b.found != nil:
		return len(p), nil // dropped
	case b.buffered && b.body.Len()+len(p) > maxBuffered:
		b.release()
	case b.buffered:
		return b.body.Write(p)
	}
	return b.ResponseWriter.Write(p)
}

// ReadFrom would bypass Write on the wrapped writer.
func (b *bufferedResponse) ReadFrom(r io.Reader) (int64, error) {
	if b.status != 0 && !b.buffered && b.found == nil {
		return b.ResponseWriterWrapper.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{b}, r)
}

// FlushError flushes what is not buffered. reverse_proxy flushes every response of
// unknown length, so a flush does not mean that the response is a stream.
func (b *bufferedResponse) FlushError() error {
	if b.status == 0 {
		b.WriteHeader(http.StatusOK)
	}
	if b.buffered || b.found != nil {
		return nil
	}
	return http.NewResponseController(b.ResponseWriter).Flush()
}

// end inspects a whole body and releases it if the rules find nothing.
func (b *bufferedResponse) end() {
	if !b.buffered {
		return
	}
	b.inspect(func() (*types.Interruption, error) {
		if it, _, err := b.tx.WriteResponseBody(b.body.Bytes()); it != nil || err != nil {
			return it, err
		}
		return b.tx.ProcessResponseBody()
	})
	if b.found == nil {
		b.release()
	}
}

// release sends what was buffered.
func (b *bufferedResponse) release() {
	if !b.buffered {
		return
	}
	b.buffered = false
	b.ResponseWriter.WriteHeader(b.status)
	_, _ = b.ResponseWriter.Write(b.body.Bytes()) // the visitor may have left
	b.body = bytes.Buffer{}
}

// discard drops the shop's response: the page that is sent instead has its own header.
func (b *bufferedResponse) discard() {
	if b.status != 0 && !b.buffered && b.found == nil {
		return // sent already
	}
	b.buffered, b.body = false, bytes.Buffer{}
	clear(b.Header())
	maps.Copy(b.Header(), b.before)
}

// inspect runs rules on the response.
func (b *bufferedResponse) inspect(run func() (*types.Interruption, error)) {
	var found *finding
	b.h.budget.spend(threadTime(func() { found = b.run(run) }))
	switch {
	case found == nil:
	case b.h.Shadow:
		b.h.record(b.visit, found)
		b.h.series.shadow.Inc()
		b.passed = true
	default:
		b.found = found
		b.discard()
	}
}

// run runs one phase of the rules and returns what they find.
func (b *bufferedResponse) run(phase func() (*types.Interruption, error)) (found *finding) {
	defer func() {
		if fault := recover(); fault != nil {
			b.h.log.Error("waf engine panicked on a response; the response is refused; please report this", faultOf(fault))
			found = &finding{rule: "engine", status: http.StatusBadGateway}
		}
	}()
	it, err := phase()
	if err != nil {
		return &finding{rule: "engine", status: http.StatusBadGateway}
	}
	if it == nil {
		return nil
	}
	found = b.h.findingOf(b.tx, it, new(parser.Table))
	found.rule, found.status = "leak", http.StatusBadGateway // the shop's fault
	return found
}

// finish ends a transaction. Only a shop's own rules need the last phase: they may
// enable Coraza's audit log.
func (h *Handler) finish(tx transaction) {
	defer func() {
		if fault := recover(); fault != nil {
			h.log.Error("waf engine panicked after a request; please report this", faultOf(fault))
		}
	}()
	if len(h.Rules) > 0 {
		tx.ProcessLogging()
	}
	_ = tx.Close() // its files are removed with the directory at the latest
}
