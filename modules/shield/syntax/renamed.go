package syntax

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// renamed are the words of configurations before 1.0 and what they are called
// now, by the directive, option or wants.JSON object that has them.
var renamed = map[string]map[string]string{
	"shield":      {"allow": "never_ban", "scrub": "scrubd", "exempt": "partner"},
	"shield bans": {"cap": "max_per_minute"},
	"shop_visit":  {"exempt": "partner"},
	"shop_limit":  {"behind": "after_challenge", "net": "subnet"},
	"shop_gate":   {"net": "subnet"},
}

// removed are the words that are gone, and what does the same.
var removed = map[string]map[string]string{
	"shield": {"gc_percent": "set the environment variable GOGC instead"},
}

// Unrecognized is the error for a word that a directive does not have. It names
// the word's new name if it had another one before 1.0, otherwise the words
// that the directive has.
func Unrecognized(d *caddyfile.Dispenser, directive, word string, known ...string) error {
	if now := renamed[directive][word]; now != "" {
		return d.Errf("unrecognized subdirective %q: it is called %q now", word, now)
	}
	if instead := removed[directive][word]; instead != "" {
		return d.Errf("unrecognized subdirective %q: %s", word, instead)
	}
	return d.Errf("unrecognized subdirective %q of %s; want one of %s", word, directive, strings.Join(known, ", "))
}

// Renamed is what a word of a directive is called now, or "" if it always was
// called so.
func Renamed(directive, word string) string { return renamed[directive][word] }

var unknownField = regexp.MustCompile(`unknown field "(\w+)"`)

// UnmarshalStrict reads wants.JSON as Caddy does, and refuses fields that are not
// known. For one that had another name before 1.0 the error says which it has
// now. A type that calls it from its UnmarshalJSON passes a pointer to a type
// without that method.
func UnmarshalStrict(raw []byte, directive string, into any) error {
	err := caddy.StrictUnmarshalJSON(raw, into)
	if err == nil {
		return nil
	}
	if field := unknownField.FindStringSubmatch(err.Error()); field != nil {
		if now := renamed[directive][field[1]]; now != "" {
			return fmt.Errorf("%w: it is called %q now", err, now)
		}
		if instead := removed[directive][field[1]]; instead != "" {
			return fmt.Errorf("%w: %s", err, instead)
		}
	}
	return err
}
