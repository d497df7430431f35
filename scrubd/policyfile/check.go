package policyfile

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// renamed are settings that had another name before 1.0: old to new.
var renamed = map[string]string{
	"verdicts": "bans", "most": "max_entries", "life": "max_ttl", "spare": "never_deny",
	"stray": "out_of_state", "unproven": "unverified", "unproven_net": "unverified_net", "source": "verified_source",
	"crowd": "unverified_source", "initial": "quic_initial",
}

// check compares a document with the Go type that it is to be decoded into. It
// finds what yaml.Node.Decode does not report, or reports without a line: settings
// that do not exist, and texts that a type cannot read.
func check(root *yaml.Node, file any) Errors {
	c := checker{seen: make(map[visit]bool)}
	for _, n := range root.Content {
		c.check(n, reflect.TypeOf(file))
	}
	return c.wrong
}

type checker struct {
	seen  map[visit]bool // so that aliases cost nothing, even of themselves
	wrong Errors
}

type visit struct {
	node *yaml.Node
	as   reflect.Type
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func (c *checker) check(n *yaml.Node, t reflect.Type) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if c.seen[visit{n, t}] || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	c.seen[visit{n, t}] = true
	switch {
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		err := errors.New("want a single value, not a list or a mapping")
		if n.Kind == yaml.ScalarNode {
			err = reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value))
		}
		if err != nil {
			c.wrong = append(c.wrong, Error{n.Line, err})
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		c.checkStruct(n, t)
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for i := 0; i+1 < len(n.Content); i += 2 {
			c.check(n.Content[i], t.Key())
			c.check(n.Content[i+1], t.Elem())
		}
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range n.Content {
			c.check(item, t.Elem())
		}
	}
}

func (c *checker) checkStruct(n *yaml.Node, t reflect.Type) {
	settings := make(map[string]reflect.Type)
	collect(t, settings)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, known := settings[key.Value]
		_, current := settings[renamed[key.Value]]
		switch {
		case known:
			c.check(value, field)
		case key.ShortTag() == "!!merge": // of one mapping or of several
			c.check(value, t)
			c.check(value, reflect.SliceOf(t))
		case current:
			c.wrong = append(c.wrong, Error{key.Line, fmt.Errorf("%q is called %q now", key.Value, renamed[key.Value])})
		default:
			c.wrong = append(c.wrong, Error{key.Line, fmt.Errorf("unrecognized setting %q", key.Value)})
		}
	}
}

// collect adds the settings of a struct, by their tags, and of those that it
// embeds inline.
func collect(t reflect.Type, settings map[string]reflect.Type) {
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			collect(field.Type, settings)
		case name != "" && name != "-":
			settings[name] = field.Type
		}
	}
}
