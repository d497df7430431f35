package shield

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// longest is how long a ban of a stage lasts, at the most.
const longest = time.Hour

// charge is a ban that a stage asks for.
type charge struct {
	app       *App
	addr      netip.Addr
	ban       ban.Ban
	at        shop.ID // the shop where it happened
	reference string  // of the client, for the log
}

// Ban asks for a client to be banned for what it did at a shop: everywhere if
// the address is proven, else at this shop. A stage calls it once for each
// penalty, and it waits for nothing.
func (a *App) Ban(r *http.Request, v *shop.Visit, cause ban.Cause, rule string, life time.Duration) {
	addr := ClientAddr(r)
	if a.Bans.Mode == BansOff || v.Partner != nil || life <= 0 || !addr.IsValid() {
		return // all without an address are one client
	}
	c := &charge{app: a, addr: addr, at: v.Shop, reference: v.Client.Reference()}
	now := time.Now() // who sends slowly is not banned for the time before
	c.ban = ban.Ban{
		Key: a.house.hasher.Ban(clientOf(addr)), Cause: cause, Rule: rule,
		Told: now, Until: now.Add(min(life, longest)),
	}
	switch {
	case proven(r, addr):
	case behindProxy(r):
		c.ban.Shop = v.Shop
	default:
		return // anybody could have written that address
	}
	c.end(a.carryOut(c, r))
}

// The outcomes of a charge. asked is none yet: the store says later that the
// ban holds, or nothing.
const (
	banned  = "banned"
	renewed = "renewed"
	known   = "known"     // is banned for as long already
	shadow  = "shadow"    // would be banned
	vouched = "protected" // customers came from around it
	capped  = "capped"    // the shop has banned enough in this minute
	spared  = "never_ban" // allowed, a proxy, or a partner
	full    = "full"      // no room
	refused = "refused"   // by the store: customers at another edge, or the cap of all edges
	asked   = "asked"
)

// carryOut bans, unless something speaks against it.
func (a *App) carryOut(c *charge, r *http.Request) (outcome string) {
	h, now := a.house, c.ban.Told
	is, ok := h.store.Banned(c.ban.Key, c.ban.Shop, now)
	switch {
	case ok && !is.Until.Before(c.ban.Until.Add(-time.Second)):
		return known
	case a.spares(c.addr), behindProxy(r) && c.addr == peerOf(r):
		return spared
	case a.vouched(c.addr, now):
		return vouched
	case a.Bans.Mode == BansShadow:
		return shadow
	}
	for _, old := range h.book.ask(c) {
		old.end(refused)
	}
	err := h.store.Ban(counters.BanRequest{
		Ban: c.ban, At: c.at, Subnet: h.hasher.Ban(netOf(c.addr)), PerMinute: a.Bans.MaxPerMinute,
	})
	if err == nil {
		return asked
	}
	h.book.part(c.ban.Key)
	switch {
	case errors.Is(err, counters.ErrProtected):
		return vouched
	case errors.Is(err, counters.ErrCapped):
		return capped
	}
	return full
}

// end counts how a charge ended, and notes what people should know. The log has
// the client's reference, as the stages' lines do, and no address.
func (c *charge) end(outcome string) {
	if outcome == asked {
		return
	}
	bansTotal.WithLabelValues(string(c.at), c.ban.Cause.String(), outcome).Inc()
	h := c.app.house
	switch outcome {
	case known:
		return
	case banned:
		c.app.announce(c.ban, c.at, c.reference)
	default:
		h.book.note(Note{At: c.ban.Told, Client: nameOf(clientOf(c.addr)), Shop: c.at, Cause: c.ban.Cause, Rule: c.ban.Rule, Outcome: outcome})
	}
	h.sometimes.Do(func() {
		c.app.log.Info("ban", zap.String("outcome", outcome), zap.String("shop", string(c.at)), zap.Stringer("cause", c.ban.Cause),
			zap.String("rule", c.ban.Rule), zap.String("client", c.reference), zap.Time("until", c.ban.Until),
			zap.Bool("everywhere", c.ban.Shop == ""))
	})
}

// announce tells Caddy's events of a ban, at the edge that made it.
func (a *App) announce(ban ban.Ban, at shop.ID, reference string) {
	a.events.Emit(a.ctx, "banned", map[string]any{
		"shop": string(at), "cause": ban.Cause.String(), "rule": ban.Rule, "client": reference,
		"everywhere": ban.Shop == "", "until": ban.Until, "node": a.Node, "at": ban.Told,
	})
}

// heard is called by the store with every ban that begins, changes or ends.
func (h *house) heard(news ban.Event) {
	if news.Kind == ban.Refused {
		return
	}
	prefix, met, answers := h.book.learn(news)
	owner := h.owner.Load()
	if answers != nil {
		answers.end(banned)
	}
	if news.Over() && news.Client != (netkey.Key{}) && owner != nil {
		owner.forget(news.Client, time.Now())
	}
	switch {
	case !met || news.Shop != "":
	case news.Over():
		h.scrubber.Lift(prefix)
	case owner != nil && owner.mayPass(prefix):
		h.scrubber.Push(prefix, news.Ban)
	}
}

// renewals is how many bans an edge may renew in a minute: each one has shown
// that it is needed.
const renewals = 6000

// renew lets a ban go on that still keeps something out: twice as long as it
// has lasted, an hour at the most. What customers say is heard once more.
func (h *house) renew(prefix netip.Prefix, old ban.Ban, now time.Time) {
	if old.Cause == ban.Manual {
		return // they said until when
	}
	if _, holds := h.store.Banned(old.Key, old.Shop, now); !holds {
		return // people have lifted it meanwhile
	}
	outcome := renewed
	old.Until = now.Add(min(2*old.Until.Sub(old.Told), longest))
	if h.store.Ban(counters.BanRequest{Ban: old, Subnet: h.hasher.Ban(netOf(prefix.Addr())), PerMinute: renewals}) != nil {
		outcome = vouched
	}
	bansTotal.WithLabelValues("", old.Cause.String(), outcome).Inc()
}
