package challenge

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/webpage"
)

// serveWait is where a visitor without JavaScript arrives after the delay: first with a
// token, for a pass, and then without, to see whether the browser kept the cookie. If not,
// a page says so; a redirect would loop.
func (h *Handler) serveWait(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	query := r.URL.Query()
	to := query.Get("to")
	next, isLocal := local(to)
	pass, ok := h.passOf(r, v, new(tokens))
	ok = ok && h.hasLeft(&pass, v)
	switch {
	case ok && isLocal:
		return redirect(w, next)
	case ok:
		return h.sendNotice(w, r, http.StatusOK, browser.ResendPage)
	case !query.Has("t"):
		h.series.cookieless.Inc()
		return h.sendNotice(w, r, http.StatusForbidden, browser.CookiesPage)
	}
	keys := h.keys()
	c, _, err := keys.OpenChallenge(query.Get("t"), h.now(v))
	switch {
	case err == nil && !h.isBound(keys, c.Secret, &c.Binding, r, shield.OlderChallenge):
		err = pow.ErrForged
	case err == nil && h.now(v).Before(waitUntil(&c)):
		err = pow.ErrEarly
	case err == nil:
		if d := h.take(v, waits); !d.Allowed() {
			return h.wait(w, r, v, d.Wait, errCapped, to)
		}
		if first, _ := h.markUsed(r.Context(), &c, v); !first {
			err = errReplayed
		}
	}
	if err != nil {
		if isJunk(err) {
			h.recordOffence(r, v, "junk", &junk)
		}
		return h.wait(w, r, v, prices[levelOf(v)].wait, err, to)
	}
	h.series.waited.Inc()
	h.grantPass(w, r, v, &c, pow.Waited, false)
	return redirect(w, waitPath+"?to="+url.QueryEscape(to))
}

// waitUntil returns when a challenge can be exchanged for a pass without solving it.
func waitUntil(c *pow.Challenge) time.Time {
	price := &prices[min(int(c.Level), len(prices)-1)]
	return c.Expires.Add(price.wait - price.solve)
}

// wait sends the page again, whose refresh leads back here after the delay.
func (h *Handler) wait(w http.ResponseWriter, r *http.Request, v *shop.Visit, wait time.Duration, why error, to string) error {
	outcome, _ := h.series.reason(why)
	outcome.Inc()
	return h.sendPage(w, r, v, &sent{status: http.StatusServiceUnavailable, to: to, wait: wait})
}

// sendNotice sends one of the pages that only say something.
func (h *Handler) sendNotice(w http.ResponseWriter, r *http.Request, status int, page func(webpage.Shop, int) []byte) error {
	body := page(h.pages.shop(), webpage.Negotiate(r.Header.Get("Accept-Language")))
	header := w.Header()
	header["Content-Type"] = htmlUTF8
	header["Content-Security-Policy"] = noticePolicy
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

func redirect(w http.ResponseWriter, to string) error {
	w.Header()["Location"] = []string{to}
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// local returns where a visitor of this shop may be sent on to, and fails for all that is no
// path of it. Browsers read "//" as the start of another host's name, but not after a dot,
// which they drop (URL Standard, single-dot path segment). They read "/\" like "//", and
// ignore tabs and line breaks.
func local(to string) (string, bool) {
	switch {
	case to == "", to[0] != '/', strings.HasPrefix(to, chain.OwnPaths), strings.HasPrefix(to, `/\`),
		strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", false
	case strings.HasPrefix(to, "//"):
		return "/." + to, true
	}
	return to, true
}
