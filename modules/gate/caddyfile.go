package gate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// UnmarshalCaddyfile reads, in the global option `servers`:
//
//	listener_wrappers {
//		shop_gate {
//			shadow
//			allow             <address or prefix...>
//			rate              client|subnet <connections>/<time> [<burst>]
//			connections       client|subnet <number>
//			handshakes        client|subnet|all <number>
//			handshake_timeout <duration>
//		}
//		tls
//	}
func (g *Gate) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return g.unmarshal(d, map[string]func(*caddyfile.Dispenser) error{
		"rate": func(d *caddyfile.Dispenser) error {
			return readScope(d, map[string]*Pace{"client": &g.Client.Pace, "subnet": &g.Subnet.Pace}, readPace)
		},
		"connections": func(d *caddyfile.Dispenser) error {
			return readScope(d, map[string]*int{"client": &g.Client.Connections, "subnet": &g.Subnet.Connections}, syntax.ReadNumber)
		},
		"handshakes": func(d *caddyfile.Dispenser) error {
			return readScope(d, map[string]*int{"client": &g.Client.Handshakes, "subnet": &g.Subnet.Handshakes, "all": &g.Handshakes}, syntax.ReadNumber)
		},
		"handshake_timeout": func(d *caddyfile.Dispenser) error {
			return syntax.ReadDuration(d, &g.HandshakeTimeout, "10s")
		},
	})
}

// UnmarshalCaddyfile reads, in the global option `servers`:
//
//	packet_conn_wrappers {
//		shop_gate {
//			shadow
//			allow <address or prefix...>
//			rate  client|subnet <connections>/<time> [<burst>]
//		}
//	}
func (q *QUIC) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return q.unmarshal(d, map[string]func(*caddyfile.Dispenser) error{
		"rate": func(d *caddyfile.Dispenser) error {
			return readScope(d, map[string]*Pace{"client": &q.Client, "subnet": &q.Subnet}, readPace)
		},
	})
}

// unmarshal reads a gate's block: the subdirectives of both gates, and those given.
func (r *Rules) unmarshal(d *caddyfile.Dispenser, subdirectives map[string]func(*caddyfile.Dispenser) error) error {
	d.Next() // the gate's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch word := d.Val(); {
		case word == "shadow":
			r.Shadow = true
			if d.NextArg() {
				err = d.ArgErr()
			}
		case word == "allow":
			err = r.readAllow(d)
		case subdirectives[word] != nil:
			err = subdirectives[word](d)
		default:
			known := []string{"shadow", "allow"}
			for name := range subdirectives {
				known = append(known, name)
			}
			slices.Sort(known)
			err = syntax.Unrecognized(d, "shop_gate", word, known...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Rules) readAllow(d *caddyfile.Dispenser) error {
	texts := d.RemainingArgs()
	if len(texts) == 0 {
		return d.ArgErr()
	}
	for _, text := range texts {
		prefix, err := caddyhttp.CIDRExpressionToPrefix(text)
		if err != nil {
			return d.Errf("invalid address %q: want an address or prefix, such as 192.0.2.7 or 192.0.2.0/24", text)
		}
		r.Allow = append(r.Allow, prefix.Masked())
	}
	return nil
}

// readScope reads the scope of a subdirective, client or subnet, and then its value.
func readScope[T any](d *caddyfile.Dispenser, scopes map[string]*T, read func(*caddyfile.Dispenser, *T) error) error {
	word := d.Val()
	if d.NextArg() && scopes[d.Val()] != nil {
		return read(d, scopes[d.Val()])
	}
	known := make([]string, 0, len(scopes))
	for scope := range scopes {
		known = append(known, scope)
	}
	slices.Sort(known)
	if now := syntax.Renamed("shop_gate", d.Val()); now != "" {
		return d.Errf("%s: %q is called %q now", word, d.Val(), now)
	}
	return d.Errf("%s: want one of %s, and then a value", word, strings.Join(known, ", "))
}

// readPace reads `<connections>/<time> [<burst>]`.
func readPace(d *caddyfile.Dispenser, p *Pace) (err error) {
	if !d.NextArg() {
		return d.ArgErr()
	}
	if p.Rate, err = shop.ParseRate(d.Val()); err != nil {
		return d.WrapErr(err)
	}
	if !d.NextArg() {
		return nil
	}
	if p.Burst, err = strconv.ParseInt(d.Val(), 10, 32); err != nil || p.Burst < 1 {
		return d.Errf("invalid burst %q: want a whole number above 0", d.Val())
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// Interface guards.
var (
	_ caddyfile.Unmarshaler = (*Gate)(nil)
	_ caddyfile.Unmarshaler = (*QUIC)(nil)
)
