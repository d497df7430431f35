package policyfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/hint/yamlline"
	"github.com/theriac-edge/theriac/scrub"
)

// maxFile is several times the size of a file with a full deny list.
const maxFile = 16 << 20

// Error is what is wrong in one line of a policy file.
type Error struct {
	Line int // 0: no single line is to blame
	Err  error
}

// Error is the text alone, without the line.
func (e Error) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e Error) Unwrap() error { return e.Err }

// Errors are all that is wrong in a policy file, in the order of its lines.
type Errors []Error

// Error has a line for each.
func (es Errors) Error() string { return errors.Join(es.Unwrap()...).Error() }

// Unwrap returns them one by one.
func (es Errors) Unwrap() (all []error) {
	for _, e := range es {
		all = append(all, e)
	}
	return all
}

// in prefixes each error with the file and its line, as editors read them.
func (es Errors) in(path string) error {
	var all []error
	for _, e := range es {
		if e.Line == 0 {
			all = append(all, fmt.Errorf("%s: %w", path, e.Err))
			continue
		}
		all = append(all, fmt.Errorf("%s:%d: %w", path, e.Line, e.Err))
	}
	return errors.Join(all...)
}

// read reads and parses a policy file.
func read[T any](path string, parse func([]byte) (*T, error)) (*T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the policy file: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s has more than %d MiB: is it a policy file?", path, maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the policy file: %w", err)
	}
	parsed, err := parse(raw)
	if wrong, ok := errors.AsType[Errors](err); ok {
		return nil, wrong.in(path)
	}
	return parsed, err
}

// decode reads raw into the file, a pointer to a struct, and validates it. Its
// error is of type Errors.
func decode(raw []byte, file any, validate func() error) error {
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return fromYAML(err)
	}
	wrong := check(&root, file)
	if root.Kind != 0 { // an empty file has no node
		if err := root.Decode(file); err != nil && len(wrong) == 0 {
			wrong = fromYAML(err)
		} else if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
			found := func(e Error) bool {
				return slices.ContainsFunc(wrong, func(known Error) bool { return known.Line == e.Line })
			}
			wrong = append(wrong, slices.DeleteFunc(fromYAML(typed), found)...)
		}
	}
	if len(wrong) == 0 {
		if err := validate(); err != nil {
			wrong = Errors{{lineAt(&root, scrub.Path(err)), err}}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortStableFunc(wrong, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	return wrong
}

// fromYAML takes the line out of the text of an error of the YAML package.
func fromYAML(err error) (all Errors) {
	for _, f := range yamlline.Faults(err) {
		all = append(all, Error{f.Line, errors.New(f.Text)})
	}
	return all
}

// lineAt finds the line of a setting by its path, or of what there is of it. 0
// means the whole file.
func lineAt(root *yaml.Node, path []any) (line int) {
	if len(root.Content) == 0 {
		return 0
	}
	return yamlline.Of(root.Content[0], path)
}
