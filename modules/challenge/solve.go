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
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Where a browser talks to this stage, at every shop.
const (
	place        = "/.theriac/"
	solvePlace   = browser.ChallengePath
	passPlace    = browser.PassPath
	snippetPlace = browser.SnippetPath
	waitPlace    = place + "wait"
)

// serve answers what is asked of the stage itself. It never reaches the shop.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	v.Outcome = shop.Outcome{Stage: "challenge", Rule: "solve"}
	w.Header()["Cache-Control"] = noStore
	switch get := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case r.URL.Path == solvePlace && r.Method == http.MethodPost:
		return h.solve(w, r, v)
	case r.URL.Path == solvePlace && get:
		return h.offer(w, r, v)
	case r.URL.Path == passPlace && get:
		return h.hasPass(w, r, v)
	case r.URL.Path == waitPlace && get:
		return h.waitedFor(w, r, v)
	case r.URL.Path == snippetPlace && get:
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, err := w.Write(browser.Snippet)
		return err
	}
	v.Outcome = shop.Outcome{}
	return caddyhttp.Error(http.StatusNotFound, errors.New("shop_challenge: no such place"))
}

// offer hands out a challenge to solve: to a page whose own one has expired as
// JSON, to a frame or a person as a page.
func (h *Handler) offer(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	pass, ok := h.passOf(r, v)
	rise := raised(pass, ok)
	if !strings.Contains(r.Header.Get("Accept"), "json") {
		return h.sendPage(w, r, v, rise, http.StatusOK, "/")
	}
	return answer(w, http.StatusOK, `{"token":"`+h.issue(r, v, rise)+`"}`)
}

// hasPass tells a page whether the browser kept the cookie.
func (h *Handler) hasPass(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	if _, ok := h.passOf(r, v); !ok {
		h.series.cookieless.Inc()
		return answer(w, http.StatusForbidden, `{"error":"no_pass"}`)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// largestAnswer is more than a token, 32 nonces and a number need.
const largestAnswer = 512

// solve takes an answer "<token>.<nonces>.<milliseconds>" and gives a pass for
// it. What is cheap to refuse is refused first: the store is asked only for
// solved challenges.
func (h *Handler) solve(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, largestAnswer+1))
	if err != nil || len(body) > largestAnswer {
		return h.refuse(w, r, v, pow.ErrMalformed)
	}
	token, rest, _ := strings.Cut(string(body), ".")
	nonces, took, _ := strings.Cut(rest, ".")
	c, err := h.open(token, nonces, v, h.binding(r))
	if err != nil {
		return h.refuse(w, r, v, err)
	}
	if d := h.store.Peek(h.ofNet(v.Subnet, "passes"), &mints, v.Start); !d.Allowed() {
		return h.capped(w, r, v, d.Wait)
	}
	first, shared := h.once(r.Context(), &c, v)
	if !first {
		return h.refuse(w, r, v, errReplayed)
	}
	if d := h.may(v, "passes", &mints); !d.Allowed() {
		return h.capped(w, r, v, d.Wait)
	}
	h.series.passed.Inc()
	if ms, err := strconv.ParseUint(took, 10, 32); err == nil {
		observe(c.Level, time.Duration(ms)*time.Millisecond)
	}
	h.give(w, r, v, &c, pow.Work, shared)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var errReplayed = errors.New("used before")

// errCapped: too many answers come from one neighbourhood.
var errCapped = errors.New("too many answers")

// open checks an answer as far as that goes without the store.
func (h *Handler) open(token, nonces string, v *shop.Visit, binding uint64) (pow.Challenge, error) {
	c, sealed, err := h.keys.OpenChallenge(token, v.Start)
	if err != nil {
		return c, err
	}
	if c.Binding != binding || c.Algorithm != pow.SHA256 {
		return c, pow.ErrForged
	}
	if c.Level+1 < uint8(v.Level) {
		return c, pow.ErrExpired // its pass would be worth nothing at this level
	}
	if !h.may(v, "answers", &answers).Allowed() {
		return c, errCapped
	}
	given, err := base64.RawURLEncoding.DecodeString(nonces)
	if err != nil {
		return c, pow.ErrMalformed
	}
	return c, c.Solved(&sealed, given)
}

// once burns a challenge. It waits for the store at most its deadline, even if
// the visitor has gone: a challenge that was burnt for nobody is lost to him.
func (h *Handler) once(ctx context.Context, c *pow.Challenge, v *shop.Visit) (first, shared bool) {
	var key netkey.Key
	copy(key[:], c.ID[:])
	copy(key[len(c.ID):], "once")
	return h.store.Once(context.WithoutCancel(ctx), key, c.Expires.Sub(v.Start)+time.Minute)
}

// give sets the cookie. While the store is lost another edge may give a pass
// for the same answer, so both are short.
func (h *Handler) give(w http.ResponseWriter, r *http.Request, v *shop.Visit, c *pow.Challenge, kind pow.Kind, shared bool) {
	lasts := prices[min(c.Level, uint8(len(prices)-1))].lasts
	if !shared {
		lasts /= 4
	}
	text := h.keys.AppendPass(nil, &pow.Pass{
		Kind: kind, Level: c.Level, Rise: c.Rise, Issued: v.Start, Expires: v.Start.Add(lasts),
		Net: netOf(v), Binding: c.Binding,
	}, v.Start)
	setCookie(w, r, passCookie, string(text), lasts)
}

// refuse says why an answer is not taken. The page gets itself a new challenge.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, v *shop.Visit, why error) error {
	if errors.Is(why, errCapped) {
		return h.capped(w, r, v, answers.Interval)
	}
	if isJunk(why) {
		h.strike(r, v, "junk", &junk)
	}
	outcome, word := h.series.why(why)
	outcome.Inc()
	status := http.StatusConflict
	if errors.Is(why, pow.ErrMalformed) {
		status = http.StatusBadRequest
	}
	return answer(w, status, `{"error":"`+word+`"}`)
}

// why is the series of a refused answer, and the word that its sender reads.
func (s *series) why(err error) (prometheus.Counter, string) {
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

// capped tells a visitor to wait, whose neighbourhood got all passes that it
// may have for now.
func (h *Handler) capped(w http.ResponseWriter, r *http.Request, v *shop.Visit, wait time.Duration) error {
	h.series.capped.Inc()
	h.strike(r, v, "subnet_limit", &hurry)
	h.sometimes.Do(func() {
		h.log.Info("no more passes for one neighbourhood", zap.String("shop", string(v.Shop)),
			zap.String("client", v.Client.Reference()), zap.Stringer("level", v.Level), zap.Duration("wait", wait))
	})
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	w.Header()["Retry-After"] = []string{seconds}
	return answer(w, http.StatusTooManyRequests, `{"error":"capped","retry_after":`+seconds+`}`)
}

func answer(w http.ResponseWriter, status int, body string) error {
	w.Header()["Content-Type"] = asJSON
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, err := io.WriteString(w, body)
	return err
}
