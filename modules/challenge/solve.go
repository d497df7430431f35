package challenge

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// The paths of this stage, on every shop's host.
const (
	solvePath   = browser.ChallengePath
	passPath    = browser.PassPath
	snippetPath = browser.SnippetPath
	waitPath    = browser.WaitPath
)

// serveOwn serves the paths of this stage, which never reach the shop.
func (h *Handler) serveOwn(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	v.Outcome = shop.Outcome{Stage: "challenge", Rule: "solve"}
	w.Header()["Cache-Control"] = noStore
	switch get := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case r.URL.Path == solvePath && r.Method == http.MethodPost:
		return h.solve(w, r, v)
	case r.URL.Path == solvePath && get:
		return h.offer(w, r, v)
	case r.URL.Path == passPath && get:
		return h.hasPass(w, r, v)
	case r.URL.Path == waitPath && get:
		return h.serveWait(w, r, v)
	case r.URL.Path == snippetPath && get:
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, err := w.Write(browser.Snippet)
		return err
	}
	v.Outcome = shop.Outcome{}
	return caddyhttp.Error(http.StatusNotFound, errors.New("shop_challenge: no such path"))
}

// offer issues a challenge: as JSON to a page whose own has expired, as a page to a frame
// or a person.
func (h *Handler) offer(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	pass, ok := h.passOf(r, v, new(tokens))
	rise := raisedPrice(pass, ok)
	if !strings.Contains(r.Header.Get("Accept"), "json") {
		return h.sendPage(w, r, v, &sent{status: http.StatusOK, rise: rise, to: "/"})
	}
	return writeJSON(w, http.StatusOK, `{"token":"`+h.issue(r, v, rise)+`","wait":`+strconv.Itoa(delayOf(v))+`}`)
}

// hasPass tells the page whether the browser has kept the cookie.
func (h *Handler) hasPass(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	if _, ok := h.passOf(r, v, new(tokens)); !ok {
		h.series.cookieless.Inc()
		return writeJSON(w, http.StatusForbidden, `{"error":"no_pass"}`)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// maxAnswer is more than a token, 32 nonces and a number need.
const maxAnswer = 512

// solve takes an answer "<token>.<nonces>.<milliseconds>" and issues a pass for it. The
// cheapest checks come first: only solved challenges reach the store.
func (h *Handler) solve(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return h.refuse(w, r, v, pow.ErrMalformed)
	}
	token, rest, _ := strings.Cut(string(body), ".")
	nonces, took, _ := strings.Cut(rest, ".")
	c, err := h.open(token, nonces, v, r)
	if err != nil {
		return h.refuse(w, r, v, err)
	}
	if d := h.peek(v, passIssue); !d.Allowed() {
		return h.capped(w, r, v, d.Wait)
	}
	first, shared := h.markUsed(r.Context(), &c, v)
	if !first {
		return h.refuse(w, r, v, errReplayed)
	}
	if d := h.take(v, passIssue); !d.Allowed() {
		return h.capped(w, r, v, d.Wait)
	}
	h.series.passed.Inc()
	h.tally.Solve()
	if ms, err := strconv.ParseUint(took, 10, 32); err == nil {
		observe(c.Level, time.Duration(ms)*time.Millisecond)
	}
	h.grantPass(w, r, v, &c, pow.Work, shared)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var errReplayed = errors.New("used before")

// errCapped: the client or its subnet has exceeded a limit of this stage.
var errCapped = errors.New("too many answers")

// open verifies an answer as far as possible without the store.
func (h *Handler) open(token, nonces string, v *shop.Visit, r *http.Request) (pow.Challenge, error) {
	keys := h.keys()
	c, sealed, err := keys.OpenChallenge(token, h.now(v))
	if err != nil {
		return c, err
	}
	if c.Algorithm != pow.SHA256 || !h.isBound(keys, c.Secret, &c.Binding, r, shield.OlderChallenge) {
		return c, pow.ErrForged
	}
	if c.Level+1 < uint8(v.Level) {
		return c, pow.ErrExpired // its pass would be invalid at this level
	}
	if !h.store.Take(h.limitKey(v.Client, "answers"), &answers, v.Start).Allowed() {
		return c, errCapped
	}
	given, err := base64.RawURLEncoding.DecodeString(nonces)
	if err != nil {
		return c, pow.ErrMalformed
	}
	return c, c.Solved(&sealed, given)
}

// markUsed marks a challenge as used, so that a solution is accepted once. It waits for
// the store up to the store's deadline, even if the client has closed the connection: its
// browser may send the answer again.
func (h *Handler) markUsed(ctx context.Context, c *pow.Challenge, v *shop.Visit) (first, shared bool) {
	var key netkey.Key
	copy(key[:], c.ID[:])
	copy(key[len(c.ID):], "once")
	return h.store.Once(context.WithoutCancel(ctx), key, c.Expires.Sub(h.now(v))+time.Minute)
}

// grantPass sets the cookie. While the store is lost another edge may issue a pass for the
// same answer, so both are short.
func (h *Handler) grantPass(w http.ResponseWriter, r *http.Request, v *shop.Visit, c *pow.Challenge, kind pow.Kind, shared bool) {
	lasts := prices[min(c.Level, uint8(len(prices)-1))].lasts
	if !shared {
		lasts /= 4
	}
	h.forgive(v)
	now := h.now(v)
	text := h.keys().AppendPass(nil, &pow.Pass{
		Kind: kind, Level: c.Level, Rise: c.Rise, Issued: now, Expires: now.Add(lasts),
		Net: subnetOf(v), Binding: c.Binding,
	}, now)
	h.setCookie(w, r, passCookie, string(text), lasts)
}

// refuse answers with the reason of the refusal. The page then gets a new challenge.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, v *shop.Visit, why error) error {
	if errors.Is(why, errCapped) {
		return h.capped(w, r, v, answers.Interval)
	}
	if isJunk(why) {
		h.recordOffence(r, v, "junk", &junk)
	}
	outcome, reason := h.series.reason(why)
	outcome.Inc()
	status := http.StatusConflict
	if errors.Is(why, pow.ErrMalformed) {
		status = http.StatusBadRequest
	}
	return writeJSON(w, status, `{"error":"`+reason+`"}`)
}

// reason returns the series of a refused answer, and the error in the response.
func (s *series) reason(err error) (*metric.Counter, string) {
	switch {
	case errors.Is(err, pow.ErrMalformed):
		return s.malformed, "malformed"
	case errors.Is(err, pow.ErrExpired):
		return s.expired, "expired"
	case errors.Is(err, pow.ErrEarly):
		return s.early, "early"
	case errors.Is(err, pow.ErrWrong):
		return s.wrong, "wrong"
	case errors.Is(err, errReplayed):
		return s.replayed, "replayed"
	case errors.Is(err, errCapped):
		return s.capped, "capped"
	}
	return s.forged, "forged"
}

// capped tells a visitor to wait because the subnet has used up its limit.
func (h *Handler) capped(w http.ResponseWriter, r *http.Request, v *shop.Visit, wait time.Duration) error {
	h.series.capped.Inc()
	h.recordOffence(r, v, "subnet_limit", &retryTooSoon)
	h.logRate.Do(func() {
		h.log.Info("challenge: subnet is over its limit, no pass issued", zap.String("shop", string(v.Shop)),
			zap.String("client", v.Client.Reference()), zap.Stringer("attack_level", v.Level), zap.Duration("wait", wait))
	})
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	w.Header()["Retry-After"] = []string{seconds}
	return writeJSON(w, http.StatusTooManyRequests, `{"error":"capped","retry_after":`+seconds+`}`)
}

func writeJSON(w http.ResponseWriter, status int, body string) error {
	w.Header()["Content-Type"] = asJSON
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, err := io.WriteString(w, body)
	return err
}
