// Package refusal answers requests that a stage has refused: with a page for
// people, problem details for programs, and no body for pictures.
//
// It runs in the chain, and in the error routes. If a server has a handle_errors of its
// operator, that goes first, and this handler answers only what is still unanswered then.
// Errors that do not come from a stage pass through untouched.
package refusal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/wants"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(Handler))
	httpcaddyfile.RegisterHandlerDirective("shop_refusal", parse)
	httpcaddyfile.RegisterDirectiveOrder("shop_refusal", httpcaddyfile.Before, "respond")
}

// Handler answers refused visitors in their language, with the shop's name and
// telephone number and a reference that an operator can look up.
type Handler struct {
	app     *shield.App
	pages   *pages
	verdict atomic.Pointer[verdict]
}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_refusal", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app, which knows the shops.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx)
	if err != nil {
		return fmt.Errorf("shop_refusal: %w", err)
	}
	h.app, h.pages = app, new(pages)
	return nil
}

// ServeHTTP lets the routes after it answer, and answers if none of them does.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	cause, isError := r.Context().Value(caddyhttp.ErrorCtxKey).(error)
	if !isError {
		return h.serveChain(w, r, next)
	}
	var refused *chain.Refusal
	v := chain.VisitOf(r)
	if v == nil || !errors.As(cause, &refused) {
		return next.ServeHTTP(w, r)
	}
	delayed := &delayedWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	if err := next.ServeHTTP(delayed, r); err != nil {
		return err
	}
	if delayed.answered {
		return nil
	}
	return h.answer(w, r, v, refused, delayed.status)
}

// delayedWriter delays a bare status until it is clear that no body follows.
type delayedWriter struct {
	caddyhttp.ResponseWriterWrapper
	status   int
	answered bool
}

func (w *delayedWriter) WriteHeader(status int) {
	if w.answered || status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	if w.Header().Get("Content-Type") != "" || w.Header().Get("Location") != "" {
		w.send()
	}
}

func (w *delayedWriter) Write(p []byte) (int, error) {
	w.send()
	return w.ResponseWriter.Write(p)
}

// ReadFrom would otherwise bypass Write.
func (w *delayedWriter) ReadFrom(r io.Reader) (int64, error) {
	w.send()
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is what http.ResponseController calls when a streaming handler flushes.
func (w *delayedWriter) FlushError() error {
	w.send()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *delayedWriter) send() {
	if w.answered {
		return
	}
	w.answered = true
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, v *shop.Visit, refused *chain.Refusal, status int) error {
	header := w.Header()
	header["Cache-Control"] = noStore
	kind := wants.Of(r, v.Class)
	if r.Method == http.MethodHead || kind == wants.Nothing {
		w.WriteHeader(status)
		return nil
	}
	wait := int64((refused.Wait + time.Second - 1) / time.Second)
	if kind == wants.JSON {
		body, err := json.Marshal(problemOf(refused, status, wait))
		if err != nil {
			return fmt.Errorf("shop_refusal: encoding problem details: %w", err)
		}
		header["Content-Type"] = problemJSON
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.WriteHeader(status)
		_, err = w.Write(body)
		return err
	}
	page := h.pages.page(h.app.Contact(v.Shop), r.Header.Get("Accept-Language"), wait == 0)
	body := bodies.Get().(*[]byte)
	defer bodies.Put(body)
	*body = appendPage((*body)[:0], page, wait, refused.Reference)
	header["Content-Type"] = htmlUTF8
	header["Content-Security-Policy"] = policy
	header["Content-Length"] = []string{strconv.Itoa(len(*body))}
	w.WriteHeader(status)
	_, err := w.Write(*body)
	return err
}

// bodies are reused: the page is the largest allocation of a refusal.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// problem is what programs get: problem details (RFC 9457), and if waiting helps, of
// the type quota-exceeded (draft-ietf-httpapi-ratelimit-headers).
type problem struct {
	Type       string   `json:"type"`
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Violated   []string `json:"violated-policies,omitempty"`
	RetryAfter int64    `json:"retry_after,omitempty"`
	Reference  string   `json:"reference"`
}

func problemOf(refused *chain.Refusal, status int, wait int64) problem {
	p := problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Reference: refused.Reference}
	if wait > 0 {
		p.Type = "https://iana.org/assignments/http-problem-types#quota-exceeded"
		p.Violated, p.RetryAfter = []string{refused.Outcome.Rule}, wait
	}
	return p
}

// Header values that all responses share.
var (
	noStore     = []string{"no-store"}
	problemJSON = []string{"application/problem+json"}
	htmlUTF8    = []string{"text/html; charset=utf-8"}
)

// parse reads the directive, which has neither arguments nor a block.
func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // the directive
	if h.NextArg() || h.NextBlock(0) {
		return nil, h.Errf("unrecognized argument or subdirective %q: shop_refusal has none", h.Val())
	}
	return new(Handler), nil
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
