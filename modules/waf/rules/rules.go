// Package rules is the text of the firewall's rules that all shops share: engine.conf, which
// includes the OWASP Core Rule Set, and our own rules in the other files of this folder. The
// engine and the sieve are both compiled from it.
package rules

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// Engine is what includes the others.
//
//go:embed engine.conf
var Engine string

//go:embed *.conf
var all embed.FS

// IncludeOwn is the line of engine.conf in whose place our own rules stand.
const IncludeOwn = "Include rules/*.conf\n"

// Text returns what every shop shares: engine.conf with our own rules in it.
var Text = sync.OnceValues(func() (string, error) {
	var own strings.Builder
	files, err := fs.Glob(all, "*.conf")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if file == "engine.conf" {
			continue
		}
		text, err := all.ReadFile(file)
		if err != nil {
			return "", err
		}
		own.Write(text)
	}
	names, err := fileNames()
	if err != nil {
		return "", err
	}
	return strings.Replace(Engine, IncludeOwn, names.Replace(own.String()), 1), nil
})

// fileNames fills in the names of files that the Core Rule Set lists, for rules that ask
// where a name begins: `{dotted x.data}` in a rule stands for the names in x.data
// that begin with a dot, `{other x.data}` for the others, both as alternatives of a
// regular expression.
func fileNames() (*strings.Replacer, error) {
	var pairs []string
	for _, list := range []string{"lfi-os-files.data", "restricted-files.data"} {
		text, err := fs.ReadFile(coreruleset.FS, "@owasp_crs/"+list)
		if err != nil {
			return nil, fmt.Errorf("reading a list of the Core Rule Set: %w", err)
		}
		var dotted, other []string
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			name := strings.TrimSpace(lines.Text())
			switch {
			case name == "" || name[0] == '#':
			case name[0] == '.' && !isEnding(name):
				dotted = append(dotted, regexp.QuoteMeta(name[1:]))
			default:
				other = append(other, regexp.QuoteMeta(name))
			}
		}
		pairs = append(pairs, "{dotted "+list+"}", strings.Join(dotted, "|"), "{other "+list+"}", strings.Join(other, "|"))
	}
	return strings.NewReplacer(pairs...), nil
}

// isEnding reports whether other files' names end so, as in dump.sql.gz and old.htaccess.
func isEnding(name string) bool {
	return strings.HasPrefix(name, ".sql.") || slices.Contains([]string{".htaccess", ".htdigest", ".htpasswd"}, name)
}
