package shield

import (
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// Levels are the measures that differ from the defaults, by level. What a level does not name
// stays as it is.
type Levels map[shop.Level]shop.Measures

// UnmarshalCaddyfile reads the block of `levels`:
//
//	levels {
//		<level> {
//			stranger   <rate> <burst>
//			search     <rate> <burst>
//			account    <rate> <burst>
//			suspicious <percent>
//			ban_after  <refusals>
//			subnet     <percent>
//			crawlers   <percent>
//			firewall   <percent>
//			gate       <percent>
//		}
//	}
func (l *Levels) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Errf("unexpected argument %q of levels: want a block", d.Val())
	}
	if *l != nil {
		return d.Errf("duplicate subdirective %q", "levels")
	}
	*l = make(Levels)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		level, err := shop.ParseLevel(d.Val())
		if err != nil {
			return d.WrapErr(err)
		}
		if _, ok := (*l)[level]; ok {
			return d.Errf("duplicate level %d", level)
		}
		if d.NextArg() {
			return d.Errf("unexpected argument %q of level %d: want a block", d.Val(), level)
		}
		var m shop.Measures
		for nesting := d.Nesting(); d.NextBlock(nesting); {
			if err := readMeasure(d, &m); err != nil {
				return err
			}
		}
		(*l)[level] = m
	}
	return nil
}

// readMeasure reads one line of a level.
func readMeasure(d *caddyfile.Dispenser, m *shop.Measures) error {
	name := d.Val()
	percents := map[string]*shop.Percent{
		"suspicious": &m.Suspicious, "subnet": &m.Subnet, "crawlers": &m.Crawlers, "firewall": &m.Firewall, "gate": &m.Gate,
	}
	allowances := map[string]*shop.Allowance{"stranger": &m.Stranger, "search": &m.Search, "account": &m.Account}
	switch {
	case percents[name] != nil:
		var text string
		if !d.AllArgs(&text) {
			return d.ArgErr()
		}
		percent, err := shop.ParsePercent(text)
		if err == nil && percent == 0 {
			err = fmt.Errorf("invalid %s 0%%: want 1%% to 100%%", name)
		}
		if err != nil {
			return d.WrapErr(err)
		}
		*percents[name] = percent
		return nil
	case allowances[name] != nil:
		return readAllowance(d, allowances[name])
	case name == "ban_after":
		return syntax.ReadNumber(d, &m.BanAfter)
	}
	return syntax.Unrecognized(d, "levels", name,
		"stranger", "search", "account", "suspicious", "ban_after", "subnet", "crawlers", "firewall", "gate")
}

func readAllowance(d *caddyfile.Dispenser, into *shop.Allowance) error {
	name := d.Val()
	var rate, burst string
	if !d.AllArgs(&rate, &burst) {
		return d.Errf("%s: want a rate and a burst, such as `%s 2/s 20`", name, name)
	}
	var err error
	if into.Rate, err = shop.ParseRate(rate); err != nil {
		return d.WrapErr(err)
	}
	if into.Burst, err = strconv.ParseInt(burst, 10, 32); err != nil || into.Burst < 1 {
		return d.Errf("invalid burst %q of %s: want a whole number above 0", burst, name)
	}
	return nil
}

// table returns the measures of every level: a shop's own before those of the app, and these
// before the defaults.
func (a *App) table(own Levels) (shop.Table, error) {
	table, err := shop.Table(shop.DefaultMeasures).With(a.Levels)
	if err == nil {
		table, err = table.With(own)
	}
	if err != nil {
		return table, fmt.Errorf("levels: %w", err)
	}
	return table, nil
}

// SetLevels gives the shop measures of its own.
func (s *Shop) SetLevels(own Levels) (err error) {
	s.table, err = s.app.table(own)
	return err
}

// Measures returns what the shop's level does. The answer holds as long as the configuration.
func (s *Shop) Measures(level shop.Level) *shop.Measures { return &s.table[level] }

// Table returns what each of the shop's levels does.
func (s *Shop) Table() *shop.Table { return &s.table }

// GateShare returns how much is left of the rates of new connections at this edge: the least
// that any shop's level leaves. It is looked up a few times a second, not for each connection.
func (a *App) GateShare(now time.Time) shop.Percent {
	if known := a.gateShare.Load(); known != nil && now.Sub(known.at).Abs() < 200*time.Millisecond {
		return known.share
	}
	share := shop.Percent(100)
	for _, s := range a.shops {
		share = min(share, s.Measures(s.Level().Level).Gate)
	}
	a.gateShare.Store(&gateShare{share, now})
	return share
}

type gateShare struct {
	share shop.Percent
	at    time.Time
}

// Interface guard.
var _ caddyfile.Unmarshaler = (*Levels)(nil)
