package shield

import (
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

// maxSize is beyond any machine.
const maxSize = 1 << 40

// ReadNumber reads the one whole number after a word.
func ReadNumber[N int | int64 | uint32](d *caddyfile.Dispenser, into *N) error {
	return read(d, "a whole number above 0", func(text string) bool {
		n, err := strconv.ParseInt(text, 10, 32)
		*into = N(n)
		return err == nil && n > 0
	})
}

// ReadSize reads the one size after a word, such as 64MiB.
func ReadSize(d *caddyfile.Dispenser, into *int64) error {
	return read(d, "a size such as 64MiB", func(text string) bool {
		n, err := humanize.ParseBytes(text)
		*into = int64(min(n, maxSize))
		return err == nil && n > 0 && n <= maxSize
	})
}

// ReadDuration reads the one duration after a word, such as the example.
func ReadDuration(d *caddyfile.Dispenser, into *caddy.Duration, example string) error {
	return read(d, "a duration such as "+example, func(text string) bool {
		duration, err := caddy.ParseDuration(text)
		*into = caddy.Duration(duration)
		return err == nil && duration > 0
	})
}

// read reads the one value after a word. Take says whether it is as it must be.
func read(d *caddyfile.Dispenser, must string, take func(text string) bool) error {
	word := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	if !take(text) {
		return d.Errf("%s must be %s, not %q", word, must, text)
	}
	return nil
}
