package visit

import (
	"net/netip"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// Stage registers this stage with `shield <shop>`.
var Stage = chain.Stage{
	Directive:     "shop_visit",
	Subdirectives: []string{"name", "phone", "imprint", "class", "levels", "watch", "partner"},
	New:           func(id shop.ID, _ bool) chain.Handler { return &Handler{Shop: id} },
}

// UnmarshalSubdirective reads one of:
//
//	name    <the shop's name>
//	phone   <number>
//	imprint <url or path>
//	class   <class> <matcher...>
//	levels  {
//		<as in the global option>
//	}
//	watch   on|shadow|off {
//		<as in the global option>
//	}
//	partner <name> {
//		match  <matcher...>
//		from   <prefix...>
//		header <name> <secret>
//		client_certificate <name>
//		ranges <file...>
//		reverse_dns <domain...>
//		resolver <host:port>
//		signed_by <file>
//		agent  <word...>
//		rate   <events>/<time>
//		burst  <events>
//	}
func (h *Handler) UnmarshalSubdirective(d *caddyfile.Dispenser) error {
	switch d.Val() {
	case "name":
		return readText(d, &h.Contact.Name)
	case "phone":
		return readText(d, &h.Contact.Phone)
	case "imprint":
		return readText(d, &h.Contact.Imprint)
	case "class":
		return h.unmarshalClass(d)
	case "levels":
		return h.Levels.UnmarshalCaddyfile(d)
	case "watch":
		return h.Watch.UnmarshalCaddyfile(d)
	default:
		return h.unmarshalPartner(d)
	}
}

// readText reads the one argument of a subdirective that may be given once.
func readText(d *caddyfile.Dispenser, into *string) error {
	if *into != "" {
		return d.Errf("duplicate %s", d.Val())
	}
	if !d.AllArgs(into) {
		return d.ArgErr()
	}
	return nil
}

// readList reads one or more arguments; a second line adds to the first.
func readList(d *caddyfile.Dispenser, into *[]string) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.ArgErr()
	}
	*into = append(*into, args...)
	return nil
}

func (h *Handler) unmarshalClass(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	rule := &ClassRule{Class: d.Val()}
	if _, err := shop.ParseClass(rule.Class); err != nil {
		return d.WrapErr(err)
	}
	matchers, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
	if err != nil {
		return err
	}
	if len(matchers) == 0 {
		return d.Errf("class %s: missing matcher, such as `class %s path /kasse*`", rule.Class, rule.Class)
	}
	rule.MatcherSetsRaw = caddyhttp.RawMatcherSets{matchers}
	h.Classes = append(h.Classes, rule)
	return nil
}

func (h *Handler) unmarshalPartner(d *caddyfile.Dispenser) error {
	p := new(Partner)
	if !d.AllArgs(&p.Name) {
		return d.Err("partner: want one name, such as `partner paypal`")
	}
	for _, other := range h.Partners {
		if other.Name == p.Name {
			return d.Errf("duplicate partner %q", p.Name)
		}
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := p.unmarshal(d); err != nil {
			return err
		}
	}
	if p.Burst == 0 && p.Rate.IsZero() {
		p.Rate, p.Burst = defaultRate, 3*defaultRate.Events
	} else if p.Burst == 0 {
		p.Burst = 3 * p.Rate.Events
	}
	if err := p.validate(); err != nil {
		return d.Errf("partner %s: %v", p.Name, err)
	}
	h.Partners = append(h.Partners, p)
	return nil
}

func (p *Partner) unmarshal(d *caddyfile.Dispenser) error {
	word := d.Val()
	switch word {
	case "match":
		matchers, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
		if err != nil {
			return err
		}
		p.MatcherSetsRaw = append(p.MatcherSetsRaw, matchers)
	case "from":
		for _, arg := range d.RemainingArgs() {
			prefix, err := parsePrefix(arg)
			if err != nil {
				return d.Errf("invalid address %q: want an address or a prefix such as 192.0.2.0/24", arg)
			}
			p.From = append(p.From, prefix)
		}
	case "header":
		p.Header = new(HeaderProof)
		if !d.AllArgs(&p.Header.Name, &p.Header.Value) {
			return d.ArgErr()
		}
	case "client_certificate":
		if !d.AllArgs(&p.ClientCertificate) {
			return d.ArgErr()
		}
	case "ranges":
		return readList(d, &p.Ranges)
	case "reverse_dns":
		return readList(d, &p.ReverseDNS)
	case "agent":
		return readList(d, &p.Agent)
	case "resolver":
		return readText(d, &p.Resolver)
	case "signed_by":
		return readText(d, &p.SignedBy)
	case "rate":
		var rate string
		if !d.AllArgs(&rate) {
			return d.ArgErr()
		}
		return wrap(d, p.Rate.UnmarshalText([]byte(rate)))
	case "burst":
		var burst string
		if !d.AllArgs(&burst) {
			return d.ArgErr()
		}
		n, err := strconv.ParseInt(burst, 10, 32)
		if err != nil || n < 1 {
			return d.Errf("invalid burst %q: want a whole number above 0", burst)
		}
		p.Burst = n
	default:
		return syntax.Unrecognized(d, "partner", word, "match", "from", "header", "client_certificate", "ranges", "reverse_dns", "resolver", "signed_by", "agent", "rate", "burst")
	}
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func wrap(d *caddyfile.Dispenser, err error) error {
	if err == nil {
		return nil
	}
	return d.WrapErr(err)
}
