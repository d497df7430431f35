package alert

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// Config says where alerts go.
type Config struct {
	// Receivers that are asked by HTTP.
	Webhooks []Webhook `json:"webhooks,omitempty"`

	// Receivers of mail.
	Mails []Mail `json:"mails,omitempty"`

	// The file to which alerts are written that a receiver did not take, as JSON lines. It is
	// made with mode 0600, and renamed to the same name with .old at the end before it has more
	// than 4 MiB. Default: they are counted only.
	DeadLetters string `json:"dead_letters,omitempty"`
}

// Validate refuses what could not reach anybody. It does not ask the receivers: Alerts.Test does.
func (c *Config) Validate() error {
	names := map[string]bool{}
	check := func(name string, err error) error {
		if err == nil && names[name] {
			err = hint.Errorf("give one of them another name", "duplicate receiver")
		}
		names[name] = true
		if err != nil {
			return fmt.Errorf("alert receiver %q: %w", name, err)
		}
		return nil
	}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		if err := check(w.Label(), w.validate()); err != nil {
			return err
		}
	}
	for i := range c.Mails {
		m := &c.Mails[i]
		if err := check(m.Label(), m.validate()); err != nil {
			return err
		}
	}
	return c.validateDeadLetters()
}

// validateDeadLetters refuses a file that could not be made. Whether this user may write it
// shows when there is a dead letter: another user may validate.
func (c *Config) validateDeadLetters() error {
	if c.DeadLetters == "" {
		return nil
	}
	switch info, err := os.Stat(filepath.Dir(c.DeadLetters)); {
	case err != nil:
		return hint.New(fmt.Errorf("finding the folder of dead letters: %w", err), "make the folder, and give it to the edge's user")
	case !info.IsDir():
		return fmt.Errorf("the folder of dead letters, %s, is a file", filepath.Dir(c.DeadLetters))
	}
	return nil
}

// validateName accepts what can be the label of a metric.
func validateName(name string) error {
	if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return hint.Errorf("use a short name such as on-call", "invalid name: want 1 to 40 of a-z, 0-9 and '-'")
	}
	return nil
}

// validateTimeout bounds how long a try may take.
func validateTimeout(d Duration) error {
	if d < 0 || time.Duration(d) > maxTimeout {
		return hint.Errorf("leave it out, or use one such as 5s", "invalid timeout %v: want more than 0s and at most %v", time.Duration(d), maxTimeout)
	}
	return nil
}

// maxTimeout keeps four tries within tryFor.
const maxTimeout = 30 * time.Second

// kindsOf returns the kinds that a receiver wants: these, or all.
func kindsOf(on []Kind) []Kind {
	if len(on) > 0 {
		return on
	}
	all := make([]Kind, Test)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// wants reports whether a receiver with these kinds gets that one. A test is for everyone.
func wants(on []Kind, k Kind) bool { return k == Test || slices.Contains(on, k) }

// Duration is a time.Duration that JSON has as text, such as "5s".
type Duration time.Duration

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration accepts.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return hint.Errorf("use one such as 5s", "invalid duration %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// or returns the duration, or what holds if it is not set.
func (d Duration) or(otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}
