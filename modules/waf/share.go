package waf

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// What inspections cost is charged to the client, subnet and site that cause it, a token for
// each 5 ms. One that exceeds its share is refused while the shop is short of time, so that
// others are not. The shares of many clients exceed the shop's time all the same: when
// little of it is left, only those are let in that cost no more than pages do.
const tokenTime = 5 * time.Millisecond

// payers are the client, the subnet and the site of a visitor.
const payers = 3

var (
	shares = [payers]counters.Limit{
		{Interval: 50 * time.Millisecond, Burst: 100},    // a tenth of a core, half a second at once
		{Interval: 12500 * time.Microsecond, Burst: 400}, // four times as much
		{Interval: 3125 * time.Microsecond, Burst: 1600}, // and for the /48 around it again
	}
	frugal = [payers]counters.Limit{
		{Interval: 250 * time.Millisecond, Burst: 30}, // a fiftieth of a core: 50 pages per second
		{Interval: 62500 * time.Microsecond, Burst: 120},
		{Interval: 15625 * time.Microsecond, Burst: 480},
	}
)

// dearText is more text than pages, forms and notifications have, a document's with the names
// that lead to each value: its sender is taken for a spender, whatever it has cost before.
const dearText = 16 << 10

// How much of the shop's time is left when it is short, and when it is very short.
const (
	short     = .5
	veryShort = .25
)

// payersOf returns the keys of a visitor's shares, narrow ones first. IPv4 has no site.
func (h *Handler) payersOf(v *shop.Visit, rule string) (keys [payers]netkey.Key, n int) {
	id := string(h.Shop)
	keys = [payers]netkey.Key{v.Client.Of(id, rule), v.Subnet.Of(id, rule)}
	if v.Site == (netkey.Key{}) {
		return keys, payers - 1
	}
	keys[payers-1] = v.Site.Of(id, rule)
	return keys, payers
}

// charge takes what an inspection has cost from the shares of the visitor. The rest of the
// last token is charged by chance: on the average nobody pays less than was used. What a
// spender uses up is not its neighbours' fault.
func (h *Handler) charge(v *shop.Visit, took time.Duration) {
	if isTrusted(v) {
		return
	}
	tokens := min(int64((took+rand.N(tokenTime))/tokenTime), shares[0].Burst)
	if tokens == 0 {
		return
	}
	all, n := h.payersOf(v, "waf")
	few, _ := h.payersOf(v, "waf frugal")
	for range tokens {
		for i := range n {
			h.store.Take(all[i], &shares[i], v.Start)
		}
		for i := range n {
			if !h.store.Take(few[i], &frugal[i], v.Start).Allowed() {
				break
			}
		}
	}
}

// overspent refuses a visitor that has exceeded its share while the shop is short of time.
// It is a refusal of this stage, which the zone `attacks` counts. A spender, which is only
// dearer than others are, is told that the shop is busy while it is very short, and of an
// attacked shop gets the level's part of the time: there customers have passes.
func (h *Handler) overspent(v *shop.Visit, text int64) (found *finding, spender bool) {
	if isTrusted(v) {
		return nil, false
	}
	left := h.budget.left()
	spender = text > dearText || !h.has(v, "waf frugal", &frugal)
	switch {
	case left < short && !h.has(v, "waf", &shares):
		return &finding{rule: "share", status: http.StatusTooManyRequests}, spender
	case spender && (left < veryShort || h.isDivided(v)):
		return &finding{rule: "busy", status: http.StatusServiceUnavailable}, true
	}
	return nil, spender
}

// isDivided reports whether the shop is attacked and the part of the time that is not for
// customers is used up.
func (h *Handler) isDivided(v *shop.Visit) bool {
	return v.Level >= shop.Attack && h.budget.dear[v.Level].Tokens() < 0
}

// isStrangersBody reports whether a request that could be a customer's, and comes from nobody
// known to be one, has a body: most of an inspection's time is spent on bodies.
func isStrangersBody(r *http.Request, v *shop.Visit) bool {
	return r.ContentLength != 0 && shop.Dynamic.Has(v.Class) && !isTrusted(v)
}

// has reports whether something is left of each share of a visitor.
func (h *Handler) has(v *shop.Visit, rule string, of *[payers]counters.Limit) bool {
	keys, n := h.payersOf(v, rule)
	for i := range n {
		if !h.store.Peek(keys[i], &of[i], v.Start).Allowed() {
			return false
		}
	}
	return true
}

// isTrusted reports whether a visitor has shown to be a customer or a partner: their orders
// are served before those of strangers.
func isTrusted(v *shop.Visit) bool { return v.Partner != nil || v.Trust >= shop.Known }
