package modules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// The examples of the documents are accepted: each block of Caddyfile adapts,
// and each block of JSON has only fields that its module knows. Blocks with
// <placeholders> show a syntax and are left out.
func TestDocumentedExamplesAreAccepted(t *testing.T) {
	examples := map[string]int{}
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocksOf(string(text)) {
			if syntax.MatchString(b.text) {
				continue
			}
			examples[b.kind]++
			if err := accept(b.kind, b.text); err != nil {
				t.Errorf("%s:%d: %v", document, b.line, err)
			}
		}
	}
	if examples["caddyfile"] < 20 || examples["json"] < 8 {
		t.Errorf("only %v examples were found", examples)
	}
}

// What an example may get wrong is noticed.
func TestWrongExamplesAreNoticed(t *testing.T) {
	for says, c := range map[string]struct{ kind, text, want string }{
		"an unknown option of a shop":    {"caddyfile", "limit login {\n\trate 5/m\n\tspeed 3\n}\n", `"speed"`},
		"an unknown option of a stage":   {"caddyfile", "x.example {\n\tshop_waf loewen {\n\t\twall on\n\t}\n}\n", `"wall"`},
		"an unknown global option":       {"caddyfile", "{\n\tshield {\n\t\tknot fra-1\n\t}\n}\n", `"knot"`},
		"an unknown field of a handler":  {"json", `{"handle": [{"handler": "shop_limit", "speed": 3}]}`, `"speed"`},
		"an unknown field of the app":    {"json", `{"apps": {"shield": {"knot": "fra-1"}}}`, `"knot"`},
		"an unknown field of a gate":     {"json", `{"listener_wrappers": [{"wrapper": "shop_gate", "speed": 3}]}`, `"speed"`},
		"a handler that does not exist":  {"json", `{"handler": "shop_wall"}`, "shop_wall"},
		"something that is not JSON":     {"json", `{"handler": }`, "invalid character"},
		"a field of a zone that is gone": {"json", `{"handler": "shop_limit", "zones": [{"name": "a", "speed": 3}]}`, `"speed"`},
	} {
		if err := accept(c.kind, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", says, err, c.want)
		}
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	all := []string{filepath.Join("..", "README.md")}
	err := filepath.WalkDir(filepath.Join("..", "docs"), func(name string, _ fs.DirEntry, err error) error {
		if filepath.Ext(name) == ".md" {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A block is a fenced block of a document.
type block struct {
	kind, text string
	line       int // of its fence
}

func blocksOf(text string) (blocks []block) {
	open := false
	n := 0
	for line := range strings.Lines(text) {
		n++
		switch kind, fence := strings.CutPrefix(strings.TrimSpace(line), "```"); {
		case fence && !open:
			blocks = append(blocks, block{kind: kind, line: n})
			open = true
		case fence:
			open = false
		case open:
			blocks[len(blocks)-1].text += line
		}
	}
	return blocks
}

// syntax matches what stands for something else: <name>, name..., an ellipsis.
var syntax = regexp.MustCompile(`<[a-z][^>]*>|\.\.\.|…`)

func accept(kind, text string) error {
	switch kind {
	case "caddyfile":
		return adapts(text)
	case "json":
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			return err
		}
		return known(value, "")
	}
	return nil
}

// adapts reports what is wrong with an example. A part of a site, or of a
// shop's block, is put into one.
func adapts(text string) error {
	first, _, _ := strings.Cut(strings.TrimLeft(text, " \t\n"), "\n")
	word, _, _ := strings.Cut(first, " ")
	switch {
	case word == "{", strings.Contains(word, "."), strings.HasPrefix(word, "#"), strings.HasPrefix(word, "("), strings.HasPrefix(word, "http"):
	case slices.Contains([]string{"limit", "partner", "challenge", "waf", "class", "name"}, word):
		text = "shop.example {\n\tshield loewen {\n" + text + "\n}\n}\n"
	case word == "shield":
		text = "shop.example {\n" + text + "\n}\n"
	default:
		text = "shop.example {\n\tshield loewen\n" + text + "\n}\n"
	}
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "example"})
	return err
}

// known reports the first field that its module does not know.
func known(value any, namespace string) error {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			if err := known(element, namespace); err != nil {
				return err
			}
		}
	case map[string]any:
		if name, ok := value["handler"].(string); ok {
			return knownTo("http.handlers."+name, value, "handler")
		}
		if name, ok := value["wrapper"].(string); ok {
			return knownTo(namespace+name, value, "wrapper")
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			var err error
			switch inner := value[key]; key {
			case "listener_wrappers":
				err = known(inner, "caddy.listeners.")
			case "packet_conn_wrappers":
				err = known(inner, "caddy.packetconns.")
			case "shield":
				err = knownTo("shield", inner.(map[string]any), "")
			default:
				err = known(inner, "")
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// knownTo decodes an object as Caddy would decode the module's configuration.
func knownTo(module string, object map[string]any, nameKey string) error {
	info, err := caddy.GetModule(module)
	if err != nil {
		return err
	}
	object = maps.Clone(object)
	delete(object, nameKey)
	raw, err := json.Marshal(object)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(info.New()); err != nil {
		return fmt.Errorf("%s: %w", module, err)
	}
	return nil
}
