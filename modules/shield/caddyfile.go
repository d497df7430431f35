package shield

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/outbox"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("shield", parseGlobal)
}

func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		return nil, d.Err("duplicate global option shield")
	}
	a := new(App)
	if err := a.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "shield", Value: caddyconfig.JSON(a, nil)}, nil
}

// UnmarshalCaddyfile reads the global option:
//
//	shield {
//		node       <name>
//		secret     <placeholder or text>
//		memory     <size>
//		never_ban  <address or prefix...>
//		nat64      <prefix...>
//		bans       on|shadow|off {
//			max_per_minute <bans>
//		}
//		scrubd     <unix socket>
//		drain      <duration>
//		levels {
//			<level> {
//				<measures, see Levels>
//			}
//		}
//		watch      on|shadow|off {
//			floor page|search|account|order <rate>
//		}
//		incidents {
//			journal <directory>
//			keep    <duration>
//			target  packets|floods|slow <detect> <mitigate>
//		}
//		alerts {
//			<receivers, see outbox.Parse>
//		}
//		redis      <url...> {
//			master            <name>
//			username          <user>
//			password          <placeholder or text>
//			sentinel_username <user>
//			sentinel_password <placeholder or text>
//			ca_file           <path>
//			edges             <number>
//			deadline          <duration>
//		}
//	}
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		return d.Errf("unexpected argument %q of the global option shield: shops are named in their sites", d.Val())
	}
	seen := make(map[string]bool)
	for d.NextBlock(0) {
		name := d.Val()
		if seen[name] {
			return d.Errf("duplicate subdirective %q", name)
		}
		seen[name] = true
		switch name {
		case "node":
			if !d.AllArgs(&a.Node) {
				return d.ArgErr()
			}
		case "secret":
			if !d.AllArgs(&a.Secret) {
				return d.ArgErr()
			}
		case "memory":
			if err := syntax.ReadSize(d, &a.Memory); err != nil {
				return err
			}
		case "never_ban":
			if err := a.readNeverBan(d); err != nil {
				return err
			}
		case "nat64":
			if err := a.readNAT64(d); err != nil {
				return err
			}
		case "bans":
			a.Bans = new(Bans)
			if err := a.Bans.UnmarshalCaddyfile(d); err != nil {
				return err
			}
		case "scrubd":
			if !d.AllArgs(&a.Scrubd) {
				return d.ArgErr()
			}
			if err := checkScrubd(a.Scrubd); err != nil {
				return d.WrapErr(err)
			}
		case "drain":
			if err := syntax.ReadDuration(d, &a.Drain, "5s"); err != nil {
				return err
			}
		case "levels":
			if err := a.Levels.UnmarshalCaddyfile(d); err != nil {
				return err
			}
		case "watch":
			if err := a.Watch.UnmarshalCaddyfile(d); err != nil {
				return err
			}
		case "incidents":
			if err := a.Incidents.UnmarshalCaddyfile(d); err != nil {
				return err
			}
		case "alerts":
			var err error
			if a.Alerts, err = outbox.Parse(d); err != nil {
				return err
			}
		case "redis":
			a.Redis = new(Redis)
			if err := a.Redis.UnmarshalCaddyfile(d); err != nil {
				return err
			}
		default:
			return syntax.Unrecognized(d, "shield", name, "node", "secret", "memory", "never_ban", "nat64", "bans", "scrubd", "drain", "levels", "watch", "incidents", "alerts", "redis")
		}
	}
	return nil
}

// readNeverBan reads `never_ban <address or prefix...>`.
func (a *App) readNeverBan(d *caddyfile.Dispenser) error {
	texts := d.RemainingArgs()
	if len(texts) == 0 {
		return d.Err("missing address or prefix of never_ban, such as 198.51.100.0/24")
	}
	for _, text := range texts {
		prefix, err := clientip.ParsePrefix(text)
		if err != nil {
			return d.WrapErr(err)
		}
		a.NeverBan = append(a.NeverBan, prefix)
	}
	return nil
}

// UnmarshalCaddyfile reads `bans on|shadow|off { … }`, see App.
func (b *Bans) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	switch args := d.RemainingArgs(); {
	case len(args) == 0:
	case len(args) == 1 && Mode(args[0]).valid():
		b.Mode = Mode(args[0])
	default:
		return d.Errf("invalid bans %q: want on, shadow or off", strings.Join(args, " "))
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "max_per_minute" {
			return syntax.Unrecognized(d, "shield bans", d.Val(), "max_per_minute")
		}
		if err := syntax.ReadNumber(d, &b.MaxPerMinute); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalCaddyfile reads `redis <url...> { … }`, see App.
func (r *Redis) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	r.URLs = d.RemainingArgs()
	if len(r.URLs) == 0 {
		return d.Err("missing URL of redis, such as redis://127.0.0.1:6379")
	}
	for _, u := range r.URLs {
		if strings.Contains(u, "{") {
			continue // a placeholder, replaced when the edge starts
		}
		if _, err := parseRedisURL(u); err != nil {
			return d.WrapErr(err)
		}
	}
	texts := map[string]*string{
		"master": &r.Master, "username": &r.Username, "password": &r.Password,
		"sentinel_username": &r.SentinelUsername, "sentinel_password": &r.SentinelPassword, "ca_file": &r.CAFile,
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if text := texts[name]; text != nil {
			if !d.AllArgs(text) {
				return d.ArgErr()
			}
			continue
		}
		if name == "client_certificate" {
			if !d.AllArgs(&r.ClientCertificate, &r.ClientKey) {
				return d.Err("client_certificate wants two files: the certificate and its key")
			}
			continue
		}
		if name == "edges" {
			if err := syntax.ReadNumber(d, &r.Edges); err != nil {
				return err
			}
			continue
		}
		if name != "deadline" {
			return syntax.Unrecognized(d, "redis", name, "master", "username", "password", "sentinel_username", "sentinel_password", "ca_file", "client_certificate", "edges", "deadline")
		}
		if err := syntax.ReadDuration(d, &r.Deadline, "20ms"); err != nil {
			return err
		}
	}
	return nil
}

// Interface guards.
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddyfile.Unmarshaler = (*Redis)(nil)
)

// readNAT64 reads `nat64 <prefix...>`.
func (a *App) readNAT64(d *caddyfile.Dispenser) error {
	texts := d.RemainingArgs()
	if len(texts) == 0 {
		return d.Err("missing prefix of nat64, such as 2001:db8:64::/96")
	}
	for _, text := range texts {
		prefix, err := clientip.ParsePrefix(text)
		if err != nil {
			return d.WrapErr(err)
		}
		a.NAT64 = append(a.NAT64, prefix)
	}
	if err := clientip.CheckNAT64(a.NAT64); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
