package waf

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// Stage is how `shield <shop>` knows this stage.
var Stage = chain.Stage{
	Directive:     "shop_waf",
	Subdirectives: []string{"waf"},
	New:           func(id shop.ID, _ bool) chain.Handler { return &Handler{Shop: id} },
}

// UnmarshalSubdirective reads:
//
//	waf on|off|shadow {
//		paranoia    1|2|3|4
//		threshold   <score>
//		exclude     <rule or tag> [<target>] [<path prefix...>]
//		preset      off
//		methods     <method...>
//		types       <content type...>
//		staff       <path prefix...>
//		skip        <matcher...>
//		body        <size>
//		text        <size>
//		arguments   <number>
//		parts       <number>
//		cookies     <number>
//		depth       <number>
//		rules       <file...>
//		responses
//		sieve       on|off|audit <number>
//		concurrency <number>
//		time        <duration>
//	}
func (h *Handler) UnmarshalSubdirective(d *caddyfile.Dispenser) error {
	switch args := d.RemainingArgs(); {
	case len(args) == 0, len(args) == 1 && args[0] == "on":
	case len(args) == 1 && args[0] == "off":
		h.Off = true
	case len(args) == 1 && args[0] == "shadow":
		h.Shadow = true
	default:
		return d.Errf("unrecognized waf mode %q, want one of on, off, shadow", strings.Join(args, " "))
	}
	numbers := map[string]*int{
		"paranoia": &h.Paranoia, "threshold": &h.Threshold, "arguments": &h.Bounds.Arguments, "parts": &h.Bounds.Parts,
		"cookies": &h.Bounds.Cookies, "depth": &h.Bounds.Depth, "concurrency": &h.Concurrency,
	}
	sizes := map[string]*int64{"body": &h.Bounds.Body, "text": &h.Bounds.Text}
	lists := map[string]*[]string{"methods": &h.Methods, "types": &h.ContentTypes, "rules": &h.Rules, "staff": &h.Staff}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		var err error
		switch {
		case numbers[word] != nil:
			err = syntax.ReadNumber(d, numbers[word])
		case sizes[word] != nil:
			err = syntax.ReadSize(d, sizes[word])
		case lists[word] != nil:
			if *lists[word] = d.RemainingArgs(); len(*lists[word]) == 0 {
				err = d.ArgErr()
			}
		case word == "exclude":
			err = h.unmarshalExclude(d)
		case word == "preset":
			if h.Bare = d.NextArg() && d.Val() == "off" && !d.NextArg(); !h.Bare {
				err = d.Err("invalid preset: it is on by default; the only setting is `preset off`")
			}
		case word == "skip":
			err = h.unmarshalSkip(d)
		case word == "responses":
			if h.Responses = true; d.NextArg() {
				err = d.ArgErr()
			}
		case word == "sieve":
			err = h.unmarshalSieve(d)
		case word == "time":
			err = syntax.ReadDuration(d, &h.Time, "800ms")
		default:
			err = syntax.Unrecognized(d, "waf", word, "arguments", "body", "concurrency", "cookies", "depth", "exclude", "methods",
				"paranoia", "parts", "preset", "responses", "rules", "sieve", "skip", "staff", "text", "threshold", "time", "types")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) unmarshalExclude(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	x := new(Exclusion)
	if at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "/") }); at >= 0 {
		args, x.Paths = args[:at], args[at:]
	}
	if len(args) < 1 || len(args) > 2 {
		return d.Err("exclude: want a rule or tag, optionally a target, and optionally path prefixes, such as `exclude 941100 ARGS:text /admin/`")
	}
	if x.Rule = args[0]; len(args) == 2 {
		x.Target = args[1]
		if _, _, _, err := parseTarget(x.Target); err != nil {
			return d.WrapErr(err)
		}
	}
	h.Exclusions = append(h.Exclusions, x)
	return nil
}

// unmarshalSieve reads on, off, or on with another share of requests that are audited.
func (h *Handler) unmarshalSieve(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch h.Sieve = d.Val(); h.Sieve {
	case "audit":
		h.Sieve = "on"
		return syntax.ReadNumber(d, &h.SieveAudit)
	case "on", "off":
		if !d.NextArg() {
			return nil
		}
	}
	return d.Err("invalid sieve, want `sieve on`, `sieve off`, or `sieve audit 1000`, which is on and has all rules inspect one of 1000 requests")
}

func (h *Handler) unmarshalSkip(d *caddyfile.Dispenser) error {
	matchers, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
	if err != nil {
		return err
	}
	h.SkipRaw = append(h.SkipRaw, matchers)
	return nil
}
