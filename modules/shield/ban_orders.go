package shield

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// BanOrder bans somebody, or lifts that.
type BanOrder struct {
	Client string  `json:"client"`          // an address, a /24 or a /48
	Shop   shop.ID `json:"shop,omitempty"`  // at which shop; default: at all
	For    string  `json:"for,omitempty"`   // such as 30m; default: 1h
	Why    string  `json:"why,omitempty"`   // for whoever asks later
	Force  bool    `json:"force,omitempty"` // even if customers came from there lately
	Lift   bool    `json:"lift,omitempty"`  // lift the ban instead
}

// BanDone is the answer to an order that was carried out.
type BanDone struct {
	Client  string    `json:"client"`
	Shop    shop.ID   `json:"shop,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Lifted  int       `json:"lifted,omitempty"`  // how many bans were
	Notices []string  `json:"notices,omitempty"` // what an operator should know
}

const (
	usualBan   = time.Hour
	longestBan = 30 * 24 * time.Hour
	longestWhy = 64
)

// parsePrefix reads an address or a prefix.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := caddyhttp.CIDRExpressionToPrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("%q is no address and no prefix, such as 192.0.2.7 or 192.0.2.0/24", text)
	}
	return prefix.Masked(), nil
}

// parseTarget reads whom people want banned: one client, or the /24 or /48 in
// which clients are neighbours. Nothing wider is ever banned, and nothing
// between the two can be looked up.
func parseTarget(text string) (netip.Prefix, error) {
	prefix, err := parsePrefix(strings.TrimSpace(text))
	if err != nil {
		return prefix, err
	}
	addr := prefix.Addr()
	if addr.Is4In6() {
		prefix, addr = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96), addr.Unmap()
	}
	one, net := clientOf(addr), netOf(addr)
	switch {
	case addr.IsUnspecified() || addr.IsMulticast():
		return prefix, fmt.Errorf("%s is nobody's address", addr)
	case prefix.Bits() < net.Bits():
		return prefix, fmt.Errorf("%s is too wide: at most a /24, or a /48 of IPv6, is banned; lower the limits, or ask your network's operator, for more", prefix)
	case prefix.Bits() == net.Bits():
		return net, nil
	case prefix.Bits() >= one.Bits():
		return one, nil // of IPv6 the /64: it is one customer's
	}
	return prefix, fmt.Errorf("%s is neither one client nor a whole neighbourhood: name a single address, or %s", prefix, net)
}

// order carries out what people say about a ban.
func (a *App) order(o *BanOrder, now time.Time) (BanDone, error) {
	prefix, err := parseTarget(o.Client)
	if err != nil {
		return BanDone{}, err
	}
	if o.Shop != "" && a.shops[o.Shop] == nil {
		return BanDone{}, fmt.Errorf("no shop %q here; `theriac shield shops` lists them", o.Shop)
	}
	if o.Lift {
		return a.unban(prefix, now), nil
	}
	return a.banByPeople(prefix, o, now)
}

func (a *App) banByPeople(prefix netip.Prefix, o *BanOrder, now time.Time) (BanDone, error) {
	done := BanDone{Client: nameOf(prefix), Shop: o.Shop}
	lasts := usualBan
	if o.For != "" {
		var err error
		if lasts, err = caddy.ParseDuration(o.For); err != nil || lasts <= 0 || lasts > longestBan {
			return done, fmt.Errorf("%q is no time to last; it is from 1s to 30d, such as 30m", o.For)
		}
	}
	if len(o.Why) > longestWhy || strings.ContainsFunc(o.Why, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return done, fmt.Errorf("why must be one line of at most %d bytes", longestWhy)
	}
	switch {
	case a.Bans.Mode != BansOn:
		return done, fmt.Errorf("bans are %s at this edge: nobody would be refused; write `bans on` into the global option shield", a.Bans.Mode)
	case a.sparesAll(prefix):
		return done, fmt.Errorf("%s is never banned: it stands on the list `allow`, is a trusted proxy's, or a partner's; change the configuration first", prefix)
	case a.vouched(prefix.Addr(), now) && !o.Force:
		return done, fmt.Errorf("customers came from %s in the last minutes, and would be refused, too; "+
			"if that must be, say --force; a limit for that neighbourhood may do", netOf(prefix.Addr()))
	}
	if a.sparesSome(prefix) {
		done.Notices = append(done.Notices, "addresses in it are never banned (`allow`, proxies, partners): they go on, and so the scrubber is not told")
	}
	ban := ban.Ban{
		Key: a.house.hasher.Ban(prefix), Shop: o.Shop, Cause: ban.Manual,
		Rule: o.Why, Told: now, Until: now.Add(lasts),
	}
	a.house.book.expect(ban.Key, prefix)
	if err := a.house.store.Ban(counters.BanRequest{Ban: ban, At: o.Shop}); err != nil {
		a.house.book.part(ban.Key)
		return done, fmt.Errorf("banning %s: %w", prefix, err)
	}
	done.Notices = append(done.Notices, a.unshared()...)
	done.Until = ban.Until
	bansTotal.WithLabelValues(string(o.Shop), ban.Cause.String(), "banned").Inc()
	a.announce(ban, o.Shop, ban.Key.Reference())
	return done, nil
}

// unban lifts every ban of a client or a neighbourhood, and has each edge forget
// what it counted of the client.
func (a *App) unban(prefix netip.Prefix, now time.Time) BanDone {
	done, key := BanDone{Client: nameOf(prefix)}, a.house.hasher.Ban(prefix)
	done.Lifted = a.house.book.bansOf(key)
	var client netkey.Key
	if prefix == clientOf(prefix.Addr()) {
		client = a.house.hasher.Client(now, prefix.Addr())
	} else {
		done.Notices = append(done.Notices, "what was counted of single clients in it stays: unban an address to clear that")
	}
	a.house.store.Unban(key, client)
	net := netOf(prefix.Addr())
	if prefix != net && a.house.book.bansOf(a.house.hasher.Ban(net)) > 0 {
		done.Notices = append(done.Notices, fmt.Sprintf("%s around it is banned, too: unban that", net))
	}
	done.Notices = append(done.Notices, a.unshared()...)
	return done
}

// unshared says so where other edges hear of an order later.
func (a *App) unshared() []string {
	if st := a.house.store.Status(); st.Kind == "memory" || st.Shared {
		return nil
	}
	return []string{"only this edge knows so far; it tells the others as soon as the store is back"}
}

// forget clears what the stages counted of a client here.
func (a *App) forget(client netkey.Key, now time.Time) {
	for _, s := range a.shops {
		for _, forget := range s.forgets {
			forget(Client{Client: client, Now: now})
		}
	}
}
