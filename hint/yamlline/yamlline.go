// Package yamlline finds the lines of a YAML file that are to blame: for a value by its path,
// and for an error of the decoder by its text.
package yamlline

import (
	"errors"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Of returns the line of a value below a node by its path, which has names of fields and numbers
// of entries, or of what there is of the path. 0 means that there is nothing of it.
func Of(node *yaml.Node, path []any) (line int) {
	for _, step := range path {
		var next *yaml.Node
		switch step := step.(type) {
		case string:
			for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == step {
					line, next = node.Content[i].Line, node.Content[i+1]
				}
			}
		case int:
			if node.Kind == yaml.SequenceNode && step < len(node.Content) {
				next = node.Content[step]
				line = next.Line
			}
		}
		if next == nil {
			return line
		}
		node = next
	}
	return line
}

// Fault is one fault that the decoder has found. Line 0 is the whole file.
type Fault struct {
	Line int
	Text string
}

// named is how the YAML package names a line.
var named = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)

// Faults takes an error of the decoder apart.
func Faults(err error) (all []Fault) {
	texts := []string{err.Error()}
	if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = typed.Errors
	}
	for _, text := range texts {
		fault := Fault{Text: text}
		if found := named.FindStringSubmatch(text); found != nil {
			fault.Line, _ = strconv.Atoi(found[1])
			fault.Text = found[2]
		}
		all = append(all, fault)
	}
	return all
}
