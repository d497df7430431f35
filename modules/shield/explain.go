package shield

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Client is the visitor that an operator asks about.
type Client struct {
	Addr   netip.Addr
	Client netkey.Key
	Subnet netkey.Key
	Site   netkey.Key // zero for IPv4
	Now    time.Time
}

// Fact is one thing that a stage knows about a client.
type Fact struct {
	Stage string `json:"stage"`
	Rule  string `json:"rule"`
	Says  string `json:"says"`
}

// Explain reports what a stage of one shop knows about a client.
type Explain func(Client) []Fact

// Find reports what a stage of one shop knows of a request by its reference, or
// nothing.
type Find func(reference string) []Fact

// Forget has a stage of one shop forget what it counted of a client.
type Forget func(Client)

// ClientAt returns the client that comes from an address.
func (a *App) ClientAt(addr netip.Addr, now time.Time) Client {
	hasher := a.Hasher()
	return Client{
		Addr: addr.Unmap(), Client: hasher.Client(now, addr), Subnet: hasher.Subnet(now, addr), Site: hasher.Site(now, addr), Now: now,
	}
}

// Explain returns what is known about a client at the shop: whether it is banned,
// then what each stage says.
func (s *Shop) Explain(c Client) []Fact {
	facts := s.app.explainBan(c, s)
	for _, explain := range s.explains {
		facts = append(facts, explain(c)...)
	}
	return facts
}

// Find returns what the stages of the shop know of a request by its reference.
func (s *Shop) Find(reference string) (facts []Fact) {
	for _, find := range s.finders {
		facts = append(facts, find(reference)...)
	}
	return facts
}

// explainBan says whether a client is banned at a shop, and what protects it from
// that.
func (a *App) explainBan(c Client, s *Shop) []Fact {
	facts := []Fact{}
	say := func(rule, format string, args ...any) {
		facts = append(facts, Fact{Stage: "ban", Rule: rule, Says: fmt.Sprintf(format, args...)})
	}
	exempt := a.isNeverBanned(c.Addr)
	for _, prefix := range []netip.Prefix{clientip.Prefix(c.Addr), clientip.Subnet(c.Addr)} {
		ban, ok := a.runtime.findBan(prefix, s.ID, c.Now)
		if !ok {
			continue
		}
		where, is := "at all shops", "is refused"
		if ban.Shop != "" {
			where = "at this shop"
		}
		if exempt || a.Bans.Mode != On {
			is = "would be refused"
		}
		say(ban.Cause.String(), "%s %s %s until %s, since %s; rule %q", clientip.FormatPrefix(prefix), is, where,
			ban.Until.Local().Format(time.DateTime), ban.Told.Local().Format(time.TimeOnly), ban.Rule)
	}
	if exempt {
		say("never_ban", "never banned: on never_ban, a trusted proxy, or a partner's address")
	}
	if a.Protected(c.Addr, c.Now) {
		say("protected", "customers came from %s in the last 5 minutes: clients there are limited, but not banned automatically", clientip.Subnet(c.Addr))
	}
	return facts
}
