package challenge

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/wants"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// strangers are what one client may ask for as a stranger, by the shop's level.
type strangers [shop.Levels]struct {
	all, search, account counters.Limit // dynamic requests; two classes cost a shop more
	ignored              counters.Limit // refusals and challenges that it may ignore
	left                 int64          // percent of a limit: with less a client is suspicious
}

// The names of these limits.
const (
	ruleStranger = "stranger"
	ruleSearch   = "stranger_search"
	ruleAccount  = "stranger_account"
	ruleIgnored  = "ignored"
)

// How long a client is banned that ignores challenges, the first time, and how soon what it
// has ignored is forgotten. A tab that was left open and asks again each few seconds for
// what it does not get is no attack.
const (
	ignoredPenalty  = time.Minute
	ignoredInterval = time.Second
)

// Many people share the address of a carrier, and a shop's newsletter reaches them at the same
// time. Until the first has solved the challenge they look like a client that ignores it: so
// many a second, for as long as a slow telephone computes and a slow network needs.
const (
	newcomers      = 10
	slowTelephone  = 1e6 // hashes a second
	slowConnection = 2.0 // seconds
)

func strangersOf(table *shop.Table) *strangers {
	of := new(strangers)
	for level := range of {
		s, m := &of[level], &table[level]
		setLimit(&s.all, m.Stranger)
		setLimit(&s.search, m.Search)
		setLimit(&s.account, m.Account)
		s.left = int64(100 - m.Suspicious)
		s.ignored.Interval, s.ignored.Burst = ignoredInterval, int64(m.BanAfter)+computing(&prices[level])
		s.ignored.Patience, s.ignored.Penalty = 1, ignoredPenalty
	}
	return of
}

func setLimit(l *counters.Limit, a shop.Allowance) { l.Interval, l.Burst = a.Rate.Interval(), a.Burst }

// computing is how many newcomers may be computing behind one address, none of whom has
// solved the challenge yet.
func computing(p *price) int64 {
	return int64(math.Ceil(newcomers * (slowConnection + p.hashes/slowTelephone)))
}

// knows reports whether a visitor has a pass, or a time stamp that counts at the shop's level.
// Where nobody is challenged a stranger could not get one, so there is none.
func (h *Handler) knows(r *http.Request, v *shop.Visit) bool {
	return h.knowsBy(r, v, &tokens{uncounted: true})
}

func (h *Handler) knowsBy(r *http.Request, v *shop.Visit, t *tokens) bool {
	if h.Off || h.Shadow || v.Level < h.From {
		return true
	}
	if !hasOurs(r) {
		return false
	}
	if h.firstPass(r, v, t).ok {
		return true
	}
	stamp, ok := h.stampOf(r, v, t)
	return ok && (v.Level < shop.Attack || isFromBefore(&stamp, v))
}

// isStranger is shield.Shop.IsStranger by tokens that are opened already.
func (h *Handler) isStranger(r *http.Request, v *shop.Visit, t *tokens) bool {
	if v.Standing == shop.Unasked {
		v.Standing = shop.Stranger
		if h.knowsBy(r, v, t) {
			v.Standing = shop.Vouched
		}
	}
	return v.Standing == shop.Stranger
}

// askedFor is what has been counted of a stranger's request.
type askedFor struct {
	counted bool          // it is dynamic
	near    bool          // little is left of the allowance
	wait    time.Duration // until the allowance has something left; 0 if this was within it
}

// takeStranger counts a request of a stranger, or one that is challenged for another reason.
// One that goes on beyond its allowance has ignored what it was told.
func (h *Handler) takeStranger(r *http.Request, v *shop.Visit) (asked askedFor) {
	if !shop.Dynamic.Has(v.Class) {
		return askedFor{}
	}
	asked.counted = true
	of := &h.allowances()[v.Level]
	take := func(rule string, lim *counters.Limit) {
		if asked.wait > 0 {
			return
		}
		d := h.store.Take(h.limitKey(v.Client, rule), lim, v.Start)
		asked.wait = d.Wait
		asked.near = asked.near || d.Remaining < lim.Burst*of.left/100
	}
	switch v.Class {
	case shop.Search:
		take(ruleSearch, &of.search)
	case shop.Account:
		take(ruleAccount, &of.account)
	}
	take(ruleStranger, &of.all)
	if asked.wait > 0 {
		if d := h.store.Take(h.limitKey(v.Client, ruleIgnored), &of.ignored, v.Start); d.Began && !h.Shadow {
			h.app.Ban(r, v, ban.ByChallenge, ruleStranger, d.Wait)
		}
	}
	return asked
}

// isNavigation reports whether a person is about to see the answer.
func isNavigation(r *http.Request, v *shop.Visit) bool { return wants.Of(r, v.Class) == wants.HTML }

// refuseStranger refuses what no person sees with as little as possible, but does not hide
// from a script where to solve the challenge.
func (h *Handler) refuseStranger(w http.ResponseWriter, r *http.Request, v *shop.Visit, wait time.Duration) error {
	h.series.stranger.Inc()
	v.Outcome = shop.Outcome{Stage: "challenge", Rule: ruleStranger}
	header := w.Header()
	header["Cache-Control"] = noStore
	header[browser.ChallengeHeader] = solveAt
	header["Retry-After"] = []string{strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)}
	allowReading(header, r)
	w.WriteHeader(http.StatusTooManyRequests)
	return nil
}

// forgive ends the row of challenges that a client has ignored, since somebody behind its
// address has not.
func (h *Handler) forgive(v *shop.Visit) {
	key, lim := h.limitKey(v.Client, ruleIgnored), &h.allowances()[v.Level].ignored
	if h.store.Peek(key, lim, v.Start).Remaining < lim.Burst-1 {
		h.store.Forget(key)
	}
}

// explainStranger reports what a client has left as a stranger at the shop's level.
func (h *Handler) explainStranger(c shield.Client) (facts []shield.Fact) {
	level := h.joined.Level().Level
	if h.Off || level < h.From {
		return nil
	}
	of := &h.allowances()[level]
	for _, limit := range []struct {
		rule string
		*counters.Limit
	}{{ruleStranger, &of.all}, {ruleSearch, &of.search}, {ruleAccount, &of.account}} {
		d := h.store.Peek(h.limitKey(c.Client, limit.rule), limit.Limit, c.Now)
		says := fmt.Sprintf("without time stamp or pass it may ask for %d more", d.Remaining+1)
		if !d.Allowed() {
			says = fmt.Sprintf("without time stamp or pass it may ask for nothing for another %s", d.Wait.Round(time.Millisecond))
		}
		facts = append(facts, shield.Fact{Stage: "challenge", Rule: limit.rule, Says: says})
	}
	return facts
}

func (h *Handler) forgetStranger(c shield.Client) {
	for _, rule := range []string{ruleStranger, ruleSearch, ruleAccount, ruleIgnored} {
		h.store.Forget(h.limitKey(c.Client, rule))
	}
}
