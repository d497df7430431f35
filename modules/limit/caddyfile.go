package limit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// Stage registers this stage with `shield <shop>`.
var Stage = chain.Stage{
	Directive:     "shop_limit",
	Subdirectives: []string{"limit", "shadow", "compact_after"},
	New: func(id shop.ID, withPreset bool) chain.Handler {
		h := &Handler{Shop: id}
		if withPreset {
			h.Zones = preset()
			for _, z := range h.Zones {
				z.preset = true
			}
		}
		return h
	},
}

// SiteWide is the second position of this stage on the path: the zones of a whole shop come
// after the challenge, so that only visitors with a pass use them up.
var SiteWide = chain.Stage{
	Directive: "shop_limit",
	Split: func(first chain.Handler) chain.Handler {
		h := first.(*Handler)
		whole := func(z *Zone) bool { return slices.Equal(z.Key, []string{"shop"}) }
		rest := &Handler{Shop: h.Shop, AfterChallenge: true, Shadow: h.Shadow, CompactAfter: h.CompactAfter}
		for _, z := range h.Zones {
			if whole(z) {
				rest.Zones = append(rest.Zones, z)
			}
		}
		if len(rest.Zones) == 0 {
			return nil
		}
		h.Zones = slices.DeleteFunc(h.Zones, whole)
		return rest
	},
}

// UnmarshalSubdirective reads one of:
//
//	shadow
//	compact_after <refusals>
//	limit <zone> off
//	limit <zone> {
//		match   <matcher...>
//		class   <class...>
//		key     client|subnet|site|shop|<placeholder>...
//		rate    <events>/<time>
//		burst   <events>
//		slack   <events>
//		status  <code...>
//		refused_by <stage>
//		penalty <refusals> <duration>
//		exact
//		shadow
//	}
//
// A zone of the preset keeps the settings that are not overridden.
func (h *Handler) UnmarshalSubdirective(d *caddyfile.Dispenser) error {
	switch d.Val() {
	case "shadow":
		h.Shadow = true
		return noArgs(d)
	case "compact_after":
		return syntax.ReadNumber(d, &h.CompactAfter)
	default:
		return h.unmarshalLimit(d)
	}
}

func (h *Handler) unmarshalLimit(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Err("limit: want the name of a zone, such as `limit login { … }`")
	}
	name := d.Val()
	if now := syntax.Renamed("shop_limit", name); now != "" {
		return d.Errf("zone %q is called %q now", name, now)
	}
	i := slices.IndexFunc(h.Zones, func(z *Zone) bool { return z.Name == name })
	if d.NextArg() {
		if d.Val() != "off" {
			return d.Errf("limit %s: unrecognized argument %q, want off or a block", name, d.Val())
		}
		if i < 0 {
			return d.Errf("limit %s off: unknown zone %q", name, name)
		}
		h.Zones = slices.Delete(h.Zones, i, i+1)
		return noArgs(d)
	}
	if i >= 0 && !h.Zones[i].preset {
		return d.Errf("duplicate zone %q", name)
	}
	z := &Zone{Name: name}
	if i >= 0 {
		z = h.Zones[i]
		z.preset = false
	} else {
		// A shop's own zones are narrower than the preset's whole-shop zones and
		// are evaluated before them.
		h.Zones = slices.Insert(h.Zones, h.ownZones(), z)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := z.unmarshal(d); err != nil {
			return err
		}
	}
	if err := z.validate(); err != nil {
		return d.Errf("limit %s: %v", name, err)
	}
	if err := new(Zone{Key: z.Key}).composeKey(); err != nil {
		return d.Errf("limit %s: %v", name, err)
	}
	return nil
}

// ownZones returns where the shop's next zone goes: before the preset's first whole-shop
// zone.
func (h *Handler) ownZones() int {
	i := slices.IndexFunc(h.Zones, func(z *Zone) bool { return z.preset && slices.Equal(z.Key, []string{"shop"}) })
	if i < 0 {
		return len(h.Zones)
	}
	return i
}

func (z *Zone) unmarshal(d *caddyfile.Dispenser) (err error) {
	word := d.Val()
	switch word {
	case "match":
		matchers, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
		if err != nil {
			return err
		}
		z.MatcherSetsRaw = append(z.MatcherSetsRaw, matchers)
		return nil
	case "class":
		return z.unmarshalClasses(d)
	case "key":
		if z.Key = d.RemainingArgs(); len(z.Key) == 0 {
			return d.ArgErr()
		}
		return nil
	case "rate":
		var rate string
		if !d.AllArgs(&rate) {
			return d.ArgErr()
		}
		if z.Rate, err = shop.ParseRate(rate); err != nil {
			return d.WrapErr(err)
		}
		return nil
	case "burst":
		return syntax.ReadNumber(d, &z.Burst)
	case "slack":
		return syntax.ReadNumber(d, &z.Slack)
	case "status":
		return z.unmarshalStatus(d)
	case "refused_by":
		if !d.AllArgs(&z.RefusedBy) {
			return d.ArgErr()
		}
		return nil
	case "penalty":
		return z.unmarshalPenalty(d)
	case "exact":
		z.Exact = true
		return noArgs(d)
	case "shadow":
		z.Shadow = true
		return noArgs(d)
	}
	return syntax.Unrecognized(d, "limit", word, "match", "class", "key", "rate", "burst", "slack", "status", "refused_by", "penalty", "exact", "shadow")
}

func (z *Zone) unmarshalClasses(d *caddyfile.Dispenser) error {
	z.Classes = d.RemainingArgs()
	if len(z.Classes) == 0 {
		return d.ArgErr()
	}
	for _, name := range z.Classes {
		if _, err := shop.ParseClass(name); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

// unmarshalStatus reads codes such as 401, and classes such as 4xx.
func (z *Zone) unmarshalStatus(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.ArgErr()
	}
	for _, arg := range args {
		if first, ok := strings.CutSuffix(arg, "xx"); ok && len(first) == 1 && first >= "1" && first <= "5" {
			for rest := range 100 {
				z.Status = append(z.Status, int(first[0]-'0')*100+rest)
			}
			continue
		}
		code, err := strconv.Atoi(arg)
		if err != nil || code < 100 || code > 599 {
			return d.Errf("invalid status %q: want a code such as 401 or a class such as 4xx", arg)
		}
		z.Status = append(z.Status, code)
	}
	return nil
}

func (z *Zone) unmarshalPenalty(d *caddyfile.Dispenser) error {
	var after, length string
	if !d.AllArgs(&after, &length) {
		return d.Err("penalty: want a number of consecutive refusals and a duration, such as `penalty 200 30s`")
	}
	n, err := strconv.ParseUint(after, 10, 32)
	if err != nil || n < 1 {
		return d.Errf("invalid penalty: %q is not a number of refusals above 0", after)
	}
	duration, err := caddy.ParseDuration(length)
	if err != nil || duration <= 0 {
		return d.Errf("invalid duration %q: want a duration above 0, such as 30s", length)
	}
	z.PenaltyAfter, z.Penalty = uint32(n), caddy.Duration(duration)
	return nil
}

func noArgs(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}
