package syntax

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

const (
	filePrefix = "file."
	maxOption  = 1 << 20 // bytes of a file, as Caddy has it
)

// Replace replaces the placeholders of an option. Caddy's own {file.…} writes a line into
// the log for each file that it cannot read, and its error does not say why. An empty value
// is an error.
func Replace(text string) (string, error) {
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

// NamesFile reports whether an option has a file in it, which may change.
func NamesFile(text string) bool { return strings.Contains(text, "{"+filePrefix) }

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
