package challenge

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/webpage"
)

// waitedFor is where a visitor without JavaScript comes after the delay: first
// with a token, for a pass, and then without, to see whether the browser kept
// the cookie. If not, a page says so; sending him on would go in a circle.
func (h *Handler) waitedFor(w http.ResponseWriter, r *http.Request, v *shop.Visit) error {
	query := r.URL.Query()
	to := query.Get("to")
	switch _, ok := h.passOf(r, v); {
	case ok && isLocal(to):
		return redirect(w, to)
	case ok:
		return h.sendNotice(w, r, http.StatusOK, browser.ResendPage)
	case !query.Has("t"):
		h.series.cookieless.Inc()
		return h.sendNotice(w, r, http.StatusForbidden, browser.CookiesPage)
	}
	c, _, err := h.keys.OpenChallenge(query.Get("t"), v.Start)
	switch {
	case err == nil && c.Binding != h.binding(r):
		err = pow.ErrForged
	case err == nil && v.Start.Before(waitUntil(&c)):
		err = pow.ErrEarly
	case err == nil:
		if d := h.may(v, "waits", &waits); !d.Allowed() {
			return h.wait(w, r, v, d.Wait, errCapped, to)
		}
		if first, _ := h.once(r.Context(), &c, v); !first {
			err = errReplayed
		}
	}
	if err != nil {
		if isJunk(err) {
			h.strike(r, v, "junk", &junk)
		}
		return h.wait(w, r, v, prices[levelOf(v)].wait, err, to)
	}
	h.series.waited.Inc()
	h.give(w, r, v, &c, pow.Waited, false)
	return redirect(w, waitPlace+"?to="+url.QueryEscape(to))
}

// waitUntil is when a challenge can be brought back without having been solved.
func waitUntil(c *pow.Challenge) time.Time {
	price := &prices[min(int(c.Level), len(prices)-1)]
	return c.Expires.Add(price.wait - price.solve)
}

// wait sends the page once more, whose refresh leads back here, later.
func (h *Handler) wait(w http.ResponseWriter, r *http.Request, v *shop.Visit, wait time.Duration, why error, to string) error {
	outcome, _ := h.series.why(why)
	outcome.Inc()
	w.Header()["Retry-After"] = []string{strconv.Itoa(int(wait/time.Second) + 1)}
	return h.sendPage(w, r, v, 0, http.StatusServiceUnavailable, to)
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

// isLocal reports whether to is a path of this shop. Browsers read "//" and
// "/\" as the beginning of another host's name, and drop tabs and line breaks.
func isLocal(to string) bool {
	if to == "" || to[0] != '/' || strings.HasPrefix(to, place) {
		return false
	}
	if len(to) > 1 && (to[1] == '/' || to[1] == '\\') {
		return false
	}
	return !strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == 0x7f })
}
