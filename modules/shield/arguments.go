package shield

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

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

const (
	filePrefix = "file."
	maxOption  = 1 << 20 // bytes of a file, as Caddy has it
)

// replaced replaces the placeholders of an option. Caddy's own {file.…} writes a line into
// the log for each file that it cannot read, and its error does not say why. An empty value
// is an error.
func replaced(text string) (string, error) {
	var trouble error
	repl := caddy.NewEmptyReplacer()
	repl.Map(func(key string) (any, bool) {
		path, isFile := strings.CutPrefix(key, filePrefix)
		if !isFile {
			return caddy.NewReplacer().Get(key)
		}
		value, err := readOption(path)
		trouble = errors.Join(trouble, err)
		return value, true
	})
	value, err := repl.ReplaceOrErr(text, true, true)
	if trouble != nil {
		err = trouble
	}
	if err != nil {
		return "", fmt.Errorf("%w; does the file or variable exist, is it filled, and may this user read it?", err)
	}
	return value, nil
}

// readOption reads a file without the end of its last line.
func readOption(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxOption+1))
	if err == nil && len(raw) > maxOption {
		err = fmt.Errorf("%s has more than %d bytes: is it the right file?", path, maxOption)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r"), err
}
