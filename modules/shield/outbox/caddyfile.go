package outbox

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

// receivers are the words of alerts. Each is a format, but for the last two.
var receivers = []string{"theriac", "slack", "teams", "alertmanager", "pagerduty", "mail", "dead_letters"}

// Parse reads, in the global option shield:
//
//	alerts {
//		theriac|slack|teams|alertmanager|pagerduty <url> {
//			name        <name>
//			on          <kind...>
//			secret      <placeholder or text...>
//			routing_key <placeholder or text>
//			timeout     <duration>
//			ca_file     <path>
//		}
//		mail <address...> {
//			name     <name>
//			on       <kind...>
//			server   <host>[:<port>]
//			tls      starttls|implicit
//			from     <address>
//			username <user>
//			password <placeholder or text>
//			timeout  <duration>
//			ca_file  <path>
//		}
//		dead_letters <path>
//	}
//
// Its errors have no value of an option that may be a secret, a URL included.
func Parse(d *caddyfile.Dispenser) (*alert.Config, error) {
	if d.NextArg() {
		return nil, d.Err("unexpected argument of alerts: receivers are in its block, such as: slack <url>")
	}
	c := new(alert.Config)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch word := d.Val(); {
		case word == "dead_letters":
			err = readOne(d, &c.DeadLetters, "a path")
		case word == "mail":
			err = parseMail(d, c)
		case slices.Contains(receivers, word):
			err = parseWebhook(d, c)
		case strings.Contains(word, "://"):
			err = d.Errf("missing format in front of the URL: want one of %s", strings.Join(receivers[:5], ", "))
		default:
			err = syntax.Unrecognized(d, "alerts", word, receivers...)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(c.Webhooks)+len(c.Mails) == 0 {
		return nil, d.Err("missing receiver of alerts, such as: slack <url>")
	}
	return c, nil
}

func parseWebhook(d *caddyfile.Dispenser, c *alert.Config) error {
	w := alert.Webhook{Format: d.Val()}
	switch args := d.RemainingArgs(); {
	case len(args) == 1:
		w.URL = args[0]
	case len(args) > 1 || w.Format != "pagerduty":
		return d.Errf("%s wants one URL", w.Format)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch word := d.Val(); word {
		case "secret":
			if w.Secrets = append(w.Secrets, d.RemainingArgs()...); len(w.Secrets) == 0 {
				err = d.Err("missing secret, such as {file./etc/theriac/webhook-secret}")
			}
		case "routing_key":
			err = readOne(d, &w.RoutingKey, "a placeholder or the integration key")
		default:
			err = parseCommon(d, word, &w.Name, &w.On, &w.Timeout, &w.CAFile, "secret", "routing_key")
		}
		if err != nil {
			return err
		}
	}
	c.Webhooks = append(c.Webhooks, w)
	return check(d, c)
}

func parseMail(d *caddyfile.Dispenser, c *alert.Config) error {
	m := alert.Mail{To: d.RemainingArgs()}
	texts := map[string]*string{"tls": &m.TLS, "from": &m.From, "username": &m.Username, "password": &m.Password}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		word := d.Val()
		switch text := texts[word]; {
		case text != nil:
			err = readOne(d, text, "one text")
		case word == "server":
			err = readServer(d, &m)
		default:
			err = parseCommon(d, word, &m.Name, &m.On, &m.Timeout, &m.CAFile, "server", "tls", "from", "username", "password")
		}
		if err != nil {
			return err
		}
	}
	c.Mails = append(c.Mails, m)
	return check(d, c)
}

// parseCommon reads the options that all receivers have. own are those of this one.
func parseCommon(d *caddyfile.Dispenser, word string, name *string, on *[]alert.Kind, timeout *alert.Duration, caFile *string, own ...string) error {
	switch word {
	case "name":
		return readOne(d, name, "a name such as on-call")
	case "on":
		for _, text := range d.RemainingArgs() {
			var kind alert.Kind
			if err := kind.UnmarshalText([]byte(text)); err != nil {
				return d.WrapErr(err)
			}
			*on = append(*on, kind)
		}
		if len(*on) == 0 {
			return d.Err("missing kinds of on, such as: opened over")
		}
		return nil
	case "timeout":
		return syntax.ReadDuration(d, (*caddy.Duration)(timeout), "5s")
	case "ca_file":
		return readOne(d, caFile, "a path")
	}
	return syntax.Unrecognized(d, "a receiver of alerts", word, append([]string{"name", "on", "timeout", "ca_file"}, own...)...)
}

// readOne reads the one argument of an option. Unlike Caddy's, its error does not have it.
func readOne(d *caddyfile.Dispenser, into *string, want string) error {
	word := d.Val()
	args := d.RemainingArgs()
	if len(args) != 1 {
		return d.Errf("%s has %d arguments: want %s", word, len(args), want)
	}
	*into = args[0]
	return nil
}

// readServer reads `server <host>[:<port>]`.
func readServer(d *caddyfile.Dispenser, m *alert.Mail) error {
	if err := readOne(d, &m.Host, "a mail server such as mail.example:587"); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(m.Host)
	if err != nil {
		return nil // no port
	}
	if m.Port, err = strconv.Atoi(port); err != nil || m.Port < 1 {
		return d.Errf("invalid port %q of server: want a number such as 587", port)
	}
	m.Host = host
	return nil
}

// check validates the receivers without placeholders, so that the error has the line. Files
// are those of the machine on which the edge starts.
func check(d *caddyfile.Dispenser, c *alert.Config) error {
	literal := alert.Config{}
	for _, w := range c.Webhooks {
		if w.CAFile = ""; !hasPlaceholder(optionsOfWebhook(&w)) {
			literal.Webhooks = append(literal.Webhooks, w)
		}
	}
	for _, m := range c.Mails {
		if m.CAFile = ""; !hasPlaceholder(optionsOfMail(&m)) {
			literal.Mails = append(literal.Mails, m)
		}
	}
	if err := literal.Validate(); err != nil {
		return d.WrapErr(withHint(err))
	}
	return nil
}

func hasPlaceholder(options []option) bool {
	return slices.ContainsFunc(options, func(o option) bool { return strings.Contains(*o.text, "{") })
}
