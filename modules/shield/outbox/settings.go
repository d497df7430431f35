package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

// An option is a text of a receiver that may have placeholders.
type option struct {
	name string
	text *string
}

func optionsOfWebhook(w *alert.Webhook) []option {
	all := []option{{"URL", &w.URL}, {"routing_key", &w.RoutingKey}}
	for i := range w.Secrets {
		all = append(all, option{"secret", &w.Secrets[i]})
	}
	return all
}

func optionsOfMail(m *alert.Mail) []option {
	all := []option{{"username", &m.Username}, {"password", &m.Password}, {"from", &m.From}}
	for i := range m.To {
		all = append(all, option{"recipient", &m.To[i]})
	}
	return all
}

// NamesFiles reports whether an option is read from a file, which may change.
func NamesFiles(c *alert.Config) bool {
	return slices.ContainsFunc(optionsOf(c), func(o option) bool { return syntax.NamesFile(*o.text) })
}

func optionsOf(c *alert.Config) (all []option) {
	for i := range c.Webhooks {
		all = append(all, optionsOfWebhook(&c.Webhooks[i])...)
	}
	for i := range c.Mails {
		all = append(all, optionsOfMail(&c.Mails[i])...)
	}
	return all
}

// Resolve returns the configuration with its placeholders replaced, as JSON. Errors have no
// value of an option.
func Resolve(c *alert.Config) (string, error) {
	replaced := clone(c)
	for i := range replaced.Webhooks {
		w := &replaced.Webhooks[i]
		if err := replace(w.Label(), optionsOfWebhook(w)); err != nil {
			return "", err
		}
		// A file has several secrets while the receiver changes from one to the next.
		w.Secrets = strings.Fields(strings.Join(w.Secrets, " "))
	}
	for i := range replaced.Mails {
		if err := replace(replaced.Mails[i].Label(), optionsOfMail(&replaced.Mails[i])); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(replaced)
	if err != nil {
		return "", fmt.Errorf("encoding the receivers: %w", err)
	}
	return string(text), nil
}

// clone copies what Resolve changes.
func clone(c *alert.Config) alert.Config {
	copied := *c
	copied.Webhooks, copied.Mails = slices.Clone(c.Webhooks), slices.Clone(c.Mails)
	for i := range copied.Webhooks {
		copied.Webhooks[i].Secrets = slices.Clone(c.Webhooks[i].Secrets)
	}
	for i := range copied.Mails {
		copied.Mails[i].To = slices.Clone(c.Mails[i].To)
	}
	return copied
}

func replace(receiver string, options []option) error {
	for _, o := range options {
		if *o.text == "" {
			continue
		}
		value, err := syntax.Replace(*o.text)
		if err != nil && !strings.HasPrefix(*o.text, "{file.") && !strings.HasPrefix(*o.text, "{env.") {
			err = errors.New(`a placeholder in it is unknown or empty; a brace that is none is written \{`) // the text may be the secret itself
		}
		if err != nil {
			return fmt.Errorf("alert receiver %q: reading the %s: %w", receiver, o.name, err)
		}
		*o.text = value
	}
	return nil
}
