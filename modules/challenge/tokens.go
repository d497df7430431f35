package challenge

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

// tokens are the pass and the time stamp of a request, each of which is verified once.
type tokens struct {
	pass  heldPass // the first that is valid
	stamp heldStamp

	uncounted bool // those of an older secret are not counted: they are opened again
}

// as is what a token of an older secret is counted as.
func (t *tokens) as(what string) string {
	if t.uncounted {
		return ""
	}
	return what
}

type heldPass struct {
	pow.Pass
	ok, looked bool
	next       int // the cookie after it
}

type heldStamp struct {
	pow.Stamp
	ok, looked bool
}

// vouches reports whether a request has a pass or time stamp that is valid for this shop and
// browser, however old it is and whether it suffices at the shop's level. One that has none of
// our cookies costs a look at its header.
func (h *Handler) vouches(r *http.Request, v *shop.Visit, t *tokens) bool {
	if !hasOurs(r) {
		t.pass.looked, t.stamp.looked = true, true
		return false
	}
	if h.firstPass(r, v, t).ok {
		return true
	}
	_, ok := h.stampOf(r, v, t)
	return ok
}

// hasOurs reports whether some cookie can be ours: the name of each has that of the pass in it.
func hasOurs(r *http.Request) bool {
	for _, line := range r.Header["Cookie"] {
		if strings.Contains(line, passCookie) {
			return true
		}
	}
	return false
}

// firstPass returns the first pass that is valid for this shop and browser.
func (h *Handler) firstPass(r *http.Request, v *shop.Visit, t *tokens) heldPass {
	if !t.pass.looked {
		t.pass = h.openPass(r, v, t, 0)
	}
	return t.pass
}

// openPass opens passes from the nth cookie on, until one is valid for this shop and browser.
func (h *Handler) openPass(r *http.Request, v *shop.Visit, t *tokens, n int) heldPass {
	keys := h.keys()
	for ; n < maxSame; n++ {
		text, ok := h.cookie(r, passCookie, n)
		if !ok {
			break
		}
		pass, err := keys.OpenPass(text, h.now(v))
		if err == nil && h.isBound(keys, pass.Secret, &pass.Binding, r, t.as(shield.OlderPass)) {
			return heldPass{Pass: pass, ok: true, looked: true, next: n + 1}
		}
	}
	return heldPass{looked: true}
}

// stampOf returns the visitor's time stamp, if it is valid for this shop and browser.
func (h *Handler) stampOf(r *http.Request, v *shop.Visit, t *tokens) (stamp pow.Stamp, ok bool) {
	if !t.stamp.looked {
		t.stamp = h.openStamp(r, v, t)
	}
	return t.stamp.Stamp, t.stamp.ok
}

func (h *Handler) openStamp(r *http.Request, v *shop.Visit, t *tokens) heldStamp {
	keys := h.keys()
	for n := range maxSame {
		text, ok := h.cookie(r, stampCookie, n)
		if !ok {
			break
		}
		if stamp, err := keys.OpenStamp(text, h.now(v)); err == nil && h.isBound(keys, stamp.Secret, &stamp.Binding, r, t.as(shield.OlderStamp)) {
			return heldStamp{Stamp: stamp, ok: true, looked: true}
		}
	}
	return heldStamp{looked: true}
}
