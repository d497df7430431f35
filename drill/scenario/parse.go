package scenario

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/hint/yamlline"
)

// An Error is what is wrong in one line of a scenario. Line 0 is the whole file.
type Error struct {
	Line int
	Text string
}

// Errors are all that is wrong with a scenario, by line.
type Errors struct {
	File string
	All  []Error
}

func (e *Errors) Error() string {
	lines := make([]string, len(e.All))
	for i, one := range e.All {
		lines[i] = fmt.Sprintf("%s:%d: %s", e.File, one.Line, one.Text)
		if one.Line == 0 {
			lines[i] = e.File + ": " + one.Text
		}
	}
	return strings.Join(lines, "\n")
}

// Parse reads a scenario. An error is of type *Errors; file is its name in there.
func Parse(file string, raw []byte) (*Scenario, error) {
	if len(raw) > maxFile {
		return nil, &Errors{file, []Error{{0, fmt.Sprintf("more than %d KiB: is it a scenario?", maxFile>>10)}}}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return nil, &Errors{file, fromYAML(err)}
	}
	if root.Kind == 0 {
		return nil, &Errors{file, []Error{{0, "empty: a scenario has at least name, shops and for; `drill list` shows those that are built in"}}}
	}
	if line := alias(&root); line > 0 {
		return nil, &Errors{file, []Error{{line, "anchors and aliases are not used here: write the value again"}}}
	}
	s := defaults()
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil {
		return nil, &Errors{file, fromYAML(err)}
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &Errors{file, []Error{{0, "a second document: write one scenario per file"}}}
	}
	s.fill()
	c := checker{root: root.Content[0]}
	c.scenario(s)
	if len(c.found) > 0 {
		slices.SortStableFunc(c.found, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
		return nil, &Errors{file, c.found}
	}
	return s, nil
}

// alias returns the line of an anchor or alias, by which a small file could stand
// for a large one.
func alias(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n.Line
	}
	for _, below := range n.Content {
		if line := alias(below); line > 0 {
			return line
		}
	}
	return 0
}

var (
	unknownField = regexp.MustCompile(`^field (\S+) not found in type scenario\.(\w+)$`)
	wrongKind    = regexp.MustCompile("^cannot unmarshal \\S+(?: `(.*)`)? into (\\S+)$")
)

// fromYAML takes the lines out of the decoder's errors, and says what to write.
func fromYAML(err error) (all []Error) {
	for _, f := range yamlline.Faults(err) {
		text := f.Text
		if found := unknownField.FindStringSubmatch(text); found != nil {
			text = fmt.Sprintf("unrecognized field %q%s", found[1], fieldsOf(found[2]))
		} else if found := wrongKind.FindStringSubmatch(text); found != nil {
			text = fmt.Sprintf("invalid value %q: write %s", found[1], kindOf(found[2]))
		}
		all = append(all, Error{f.Line, text})
	}
	return all
}

// fieldsOf lists the fields of a part of a scenario.
func fieldsOf(part string) string {
	for _, v := range []any{Scenario{}, Shop{}, Customers{}, Crowd{}, Wave{}, Chaos{}, Blackhole{}, Targets{}} {
		t := reflect.TypeOf(v)
		if t.Name() != part {
			continue
		}
		var names []string
		for field := range t.Fields() {
			names = append(names, field.Tag.Get("yaml"))
		}
		return ": write one of " + strings.Join(names, ", ")
	}
	return ""
}

// kindOf says what a Go type is called in a scenario.
func kindOf(t string) string {
	switch {
	case strings.HasPrefix(t, "[]"):
		return "a list, in brackets or with a dash a line"
	case strings.HasPrefix(t, "scenario."):
		return "fields, such as {name: loewen}"
	case strings.Contains(t, "int"):
		return "a whole number"
	case t == "bool":
		return "true or false"
	}
	return "text"
}
