package challenge

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// Stage registers this stage with `shield <shop>`.
var Stage = chain.Stage{
	Directive:     "shop_challenge",
	Subdirectives: []string{"challenge"},
	New:           func(id shop.ID, _ bool) chain.Handler { return &Handler{Shop: id} },
}

// UnmarshalSubdirective reads:
//
//	challenge auto|off|from <level> {
//		stamps off
//		shadow
//		cookie_domain <domain...>
//	}
func (h *Handler) UnmarshalSubdirective(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	switch {
	case len(args) == 1 && args[0] == "auto":
		h.Off, h.From = false, shop.Raised
	case len(args) == 1 && args[0] == "off":
		h.Off = true
	case len(args) == 2 && args[0] == "from":
		level, err := shop.ParseLevel(args[1])
		if err != nil {
			return d.WrapErr(err)
		}
		if level == shop.Calm {
			return d.Err("invalid level 0 in challenge from: want 1 to 4; at level 0 no visitor is challenged")
		}
		h.Off, h.From = false, level
	default:
		return d.Errf("unrecognized challenge mode %q, want one of auto, off, from <level>", strings.Join(args, " "))
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch word, args := d.Val(), d.RemainingArgs(); {
		case word == "stamps" && len(args) == 1 && (args[0] == "on" || args[0] == "off"):
			h.NoStamps = args[0] == "off"
		case word == "stamps":
			return d.Err("invalid stamps: want on or off")
		case word == "shadow" && len(args) == 0:
			h.Shadow = true
		case word == "cookie_domain" && len(args) > 0:
			h.CookieDomains = append(h.CookieDomains, args...)
			if err := checkCookieDomains(h.CookieDomains); err != nil {
				return d.WrapErr(err)
			}
		case word == "cookie_domain":
			return d.ArgErr()
		default:
			return syntax.Unrecognized(d, "challenge", word, "stamps", "shadow", "cookie_domain")
		}
	}
	if h.Off && h.Shadow {
		return d.Err("challenge: off and shadow exclude each other")
	}
	return nil
}
