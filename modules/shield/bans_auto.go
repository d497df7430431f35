package shield

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/banindex"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// longest is how long an automatic ban lasts, at most.
const longest = time.Hour

// pendingBan is a ban that a stage asks for.
type pendingBan struct {
	app       *App
	addr      netip.Addr
	ban       ban.Ban
	at        shop.ID // the shop where it happened
	reference string  // of the client, for the log
}

// Ban asks for a ban of a client for what it did at a shop: at all shops if the
// address is proven, otherwise at this one. A stage calls it once for each
// penalty, and it waits for nothing.
func (a *App) Ban(r *http.Request, v *shop.Visit, cause ban.Cause, rule string, life time.Duration) {
	addr := clientip.Of(r)
	if a.Bans.Mode == Off || v.Partner != nil || life <= 0 || !addr.IsValid() {
		return // all clients without an address are one
	}
	p := &pendingBan{app: a, addr: addr, at: v.Shop, reference: v.Client.Reference()}
	now := time.Now() // not v.Start: a client that sends slowly would be banned for time that is over
	p.ban = ban.Ban{
		Key: a.runtime.hasher().Ban(clientip.Prefix(addr)), Cause: cause, Rule: rule,
		Told: now, Until: now.Add(min(life, longest)),
	}
	switch {
	case clientip.IsProven(r, addr):
	case clientip.IsClaimed(r, addr):
		return // clients would get others banned
	case clientip.BehindProxy(r):
		p.ban.Shop = v.Shop
	default:
		return // the address may be forged
	}
	p.end(a.request(p, r))
}

// The outcomes of a pending ban. Requested is not one yet: the store answers
// later, with an event.
const (
	banned    = "banned"
	renewed   = "renewed"
	known     = "known"
	shadow    = "shadow"
	protected = "protected"
	capped    = "capped"
	neverBan  = "never_ban"
	full      = "full"
	refused   = "refused"
	requested = "requested"
)

// Because explains the outcome of a ban that was not made.
func Because(outcome string) string {
	switch outcome {
	case protected:
		return "protected: customers came from the same subnet"
	case capped:
		return "max_per_minute of the shop is used up"
	case neverBan:
		return "never banned: on never_ban, a trusted proxy or a partner"
	case shadow:
		return "bans are in shadow"
	case full:
		return "the list of bans is full"
	case refused:
		return "customers at another edge, or max_per_minute over all edges"
	}
	return outcome
}

// request asks the store for a ban, unless something prevents it.
func (a *App) request(p *pendingBan, r *http.Request) (outcome string) {
	rt, now := a.runtime, p.ban.Told
	is, ok := rt.findBan(clientip.Prefix(p.addr), p.ban.Shop, now)
	switch {
	case ok && !is.Until.Before(p.ban.Until.Add(-time.Second)):
		return known
	case a.isNeverBanned(p.addr), clientip.BehindProxy(r) && p.addr == clientip.PeerOf(r):
		return neverBan
	case a.Protected(p.addr, now):
		return protected
	case a.Bans.Mode == Shadow:
		return shadow
	}
	rt.bans.Request(banindex.Pending{Ban: p.ban, Client: clientip.Prefix(p.addr), At: p.at, End: p.answered})
	err := rt.store.Ban(counters.BanRequest{
		Ban: p.ban, At: p.at, Subnet: rt.hasher().Ban(clientip.Subnet(p.addr)), PerMinute: a.Bans.MaxPerMinute,
	})
	if err == nil {
		return requested
	}
	rt.bans.Cancel(p.ban.Key)
	switch {
	case errors.Is(err, counters.ErrProtected):
		return protected
	case errors.Is(err, counters.ErrCapped):
		return capped
	}
	return full
}

// answered ends a ban that the store was asked for.
func (p *pendingBan) answered(made bool) {
	outcome := refused
	if made {
		outcome = banned
	}
	p.end(outcome)
}

// end counts the outcome of a pending ban, and notes what operators should know.
// The log has the client's reference, as the lines of stages do, and no address.
func (p *pendingBan) end(outcome string) {
	if outcome == requested {
		return
	}
	bansTotal.WithLabelValues(string(p.at), p.ban.Cause.String(), outcome).Inc()
	rt := p.app.runtime
	switch outcome {
	case known:
		return
	case banned:
		p.app.announce(p.ban, p.at, p.reference)
	default:
		rt.bans.Note(banindex.Note{At: p.ban.Told, Client: clientip.FormatPrefix(clientip.Prefix(p.addr)), Shop: p.at, Cause: p.ban.Cause, Rule: p.ban.Rule, Outcome: outcome})
	}
	rt.sometimes.Do(func() {
		p.app.log.Info("ban", zap.String("outcome", outcome), zap.String("shop", string(p.at)), zap.Stringer("cause", p.ban.Cause),
			zap.String("rule", p.ban.Rule), zap.String("client", p.reference), zap.Time("until", p.ban.Until),
			zap.Bool("everywhere", p.ban.Shop == ""))
	})
}

// announce emits Caddy's event of a ban, at the edge that made it.
func (a *App) announce(b ban.Ban, at shop.ID, reference string) {
	a.events.Emit(a.ctx, "banned", map[string]any{
		"shop": string(at), "cause": b.Cause.String(), "rule": b.Rule, "client": reference,
		"everywhere": b.Shop == "", "until": b.Until, "node": a.Node, "at": b.Told,
	})
}

// banChanged is called by the store with every ban that begins, changes, ends or
// is refused.
func (rt *runtime) banChanged(e ban.Event) {
	prefix, met, answered := rt.bans.Apply(e)
	owner := rt.owner.Load()
	if e.Kind == ban.Refused {
		if answered != nil {
			answered.End(false)
		}
		return
	}
	if answered != nil {
		answered.End(true)
	}
	if e.Over() && e.Client != (netkey.Key{}) && owner != nil {
		owner.forget(e.Client, time.Now())
	}
	switch {
	case !met || e.Shop != "":
	case e.Over():
		rt.scrubber.Lift(prefix)
	case owner != nil && owner.mayPush(prefix):
		rt.scrubber.Push(prefix, e.Ban)
	}
}

// renewals is how many bans an edge may renew in a minute: each one has shown
// that it is needed.
const renewals = 6000

// renew extends a ban that still keeps out a flood to twice as long as it has
// lasted, an hour at most. Protection by customers is checked again.
func (rt *runtime) renew(prefix netip.Prefix, old ban.Ban, now time.Time) {
	if old.Cause == ban.Manual {
		return // the operator chose its end
	}
	if _, holds := rt.store.Banned(old.Key, old.Shop, now); !holds {
		return // lifted meanwhile
	}
	outcome := renewed
	old.Until = now.Add(min(2*old.Until.Sub(old.Told), longest))
	if rt.store.Ban(counters.BanRequest{Ban: old, Subnet: rt.hasher().Ban(clientip.Subnet(prefix.Addr())), PerMinute: renewals}) != nil {
		outcome = protected
	}
	bansTotal.WithLabelValues("", old.Cause.String(), outcome).Inc()
}
