package shield

import (
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// UnmarshalCaddyfile reads `watch on|shadow|off { … }`, see App.
func (w *Watch) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if w.Mode != "" || w.Floor != nil {
		return d.Errf("duplicate subdirective %q", "watch")
	}
	switch args := d.RemainingArgs(); {
	case len(args) == 0:
	case len(args) == 1 && Mode(args[0]).valid():
		w.Mode = Mode(args[0])
	default:
		return d.Errf("invalid watch %q: want on, shadow or off", strings.Join(args, " "))
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "floor" {
			return syntax.Unrecognized(d, "watch", d.Val(), "floor")
		}
		var stream, text string
		if !d.AllArgs(&stream, &text) {
			return d.Err("floor wants a kind of request and a rate, such as `floor page 20/s`")
		}
		if _, ok := w.Floor[stream]; ok {
			return d.Errf("duplicate floor of %s", stream)
		}
		rate, err := shop.ParseRate(text)
		if err != nil {
			return d.WrapErr(err)
		}
		if w.Floor == nil {
			w.Floor = make(map[string]shop.Rate)
		}
		w.Floor[stream] = rate
		if err := w.validate(); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

// UnmarshalCaddyfile reads:
//
//	incidents {
//		journal <directory>
//		keep    <duration>
//		target  packets|floods|slow <detect> <mitigate>
//	}
func (i *Incidents) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Errf("unexpected argument %q of incidents: want a block", d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch name := d.Val(); name {
		case "journal":
			if i.Journal != "" {
				return d.Errf("duplicate subdirective %q", name)
			}
			if !d.AllArgs(&i.Journal) {
				return d.ArgErr()
			}
		case "keep":
			if err := syntax.ReadDuration(d, &i.Keep, "30d"); err != nil {
				return err
			}
		case "target":
			if err := i.readTarget(d); err != nil {
				return err
			}
		default:
			return syntax.Unrecognized(d, "incidents", name, "journal", "keep", "target")
		}
	}
	return nil
}

func (i *Incidents) readTarget(d *caddyfile.Dispenser) error {
	var group, detect, mitigate string
	if !d.AllArgs(&group, &detect, &mitigate) {
		return d.Err("target wants a kind of attack and two times, such as `target floods 3s 10s`")
	}
	if _, ok := i.Targets[group]; ok {
		return d.Errf("duplicate target for %s", group)
	}
	var times [2]time.Duration
	for n, text := range []string{detect, mitigate} {
		var err error
		if times[n], err = caddy.ParseDuration(text); err != nil {
			return d.Errf("invalid time %q of target: want a duration such as 10s", text)
		}
	}
	if i.Targets == nil {
		i.Targets = make(map[string]Target)
	}
	i.Targets[group] = Target{caddy.Duration(times[0]), caddy.Duration(times[1])}
	if err := i.checkTargets(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// Interface guards.
var (
	_ caddyfile.Unmarshaler = (*Watch)(nil)
	_ caddyfile.Unmarshaler = (*Incidents)(nil)
)
