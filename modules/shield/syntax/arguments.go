// Package syntax reads what operators write: arguments of the Caddyfile, placeholders, and JSON
// with unknown or renamed fields.
//
// Its errors have the words of Caddy's own, and say what is wanted instead.
package syntax

import (
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

// maxSize is more than any machine has.
const maxSize = 1 << 40

// ReadNumber reads the whole number after a subdirective.
func ReadNumber[N int | int64 | uint32](d *caddyfile.Dispenser, into *N) error {
	return read(d, "a whole number above 0", func(text string) bool {
		n, err := strconv.ParseInt(text, 10, 32)
		*into = N(n)
		return err == nil && n > 0
	})
}

// ReadSize reads the size after a subdirective, such as 64MiB.
func ReadSize(d *caddyfile.Dispenser, into *int64) error {
	return read(d, "a size such as 64MiB", func(text string) bool {
		n, err := humanize.ParseBytes(text)
		*into = int64(min(n, maxSize))
		return err == nil && n > 0 && n <= maxSize
	})
}

// ReadDuration reads the duration after a subdirective, such as the example.
func ReadDuration(d *caddyfile.Dispenser, into *caddy.Duration, example string) error {
	return read(d, "a duration such as "+example, func(text string) bool {
		duration, err := caddy.ParseDuration(text)
		*into = caddy.Duration(duration)
		return err == nil && duration > 0
	})
}

// read reads the one argument of a subdirective. parse reports whether it is valid.
func read(d *caddyfile.Dispenser, want string, parse func(text string) bool) error {
	name := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	if !parse(text) {
		return d.Errf("invalid %s %q: want %s", name, text, want)
	}
	return nil
}
