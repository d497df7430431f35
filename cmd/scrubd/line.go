//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlLine is how the YAML package names a line.
var yamlLine = regexp.MustCompile(`^\s*line (\d+): (.*)$`)

// unknownField is how it says that a word means nothing here.
var unknownField = regexp.MustCompile(`^field (\S+) not found in type .*$`)

// renamed are settings of the policy file that had another name before 1.0.
var renamed = map[string]string{
	"verdicts": "bans", "most": "max_entries", "life": "max_ttl", "spare": "never_deny",
	"stray": "out_of_state", "unproven": "unverified", "unproven_net": "unverified_net", "initial": "quic_initial",
	"source": "verified_source", "crowd": "unverified_source",
}

// largestFile is several times what a file with a full deny list takes.
const largestFile = 16 << 20

// readPolicy reads a policy file, and says in which line of it something is wrong.
func readPolicy[T any](path string, parse func([]byte) (*T, error)) (*T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the policy file: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(raw) > largestFile {
		err = fmt.Errorf("%s has more than %d MiB: is it a policy file?", path, largestFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the policy file: %w", err)
	}
	parsed, err := parse(raw)
	if err != nil {
		return nil, located(path, raw, err, func(text []byte) error { _, again := parse(text); return again })
	}
	return parsed, nil
}

// located is an error of a file as editors read it: path:line: what is wrong.
func located(path string, raw []byte, err error, parse func([]byte) error) error {
	var all []error
	for line := range strings.Lines(strings.TrimPrefix(err.Error(), "yaml: ")) {
		found := yamlLine.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			continue
		}
		what := unknownField.ReplaceAllString(found[2], `there is no setting "$1" here`)
		if field := unknownField.FindStringSubmatch(found[2]); field != nil && renamed[field[1]] != "" {
			what = fmt.Sprintf("%q is called %q now", field[1], renamed[field[1]])
		}
		all = append(all, fmt.Errorf("%s:%s: %s", path, found[1], what))
	}
	switch n := lineOf(raw, err, parse); {
	case len(all) > 0:
		return errors.Join(all...)
	case n > 0:
		return fmt.Errorf("%s:%d: %w", path, n, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// lineOf finds the line behind an error that does not name it: it leaves out
// what can be left out of the file, as long as the error stays the same. 0
// means that the whole file is to blame.
func lineOf(raw []byte, err error, parse func([]byte) error) int {
	var root yaml.Node
	if yaml.Unmarshal(raw, &root) != nil || len(root.Content) == 0 {
		return 0
	}
	same := func() bool {
		text, bad := yaml.Marshal(&root)
		if bad != nil {
			return false
		}
		again := parse(text)
		return again != nil && again.Error() == err.Error()
	}
	line := 0
	for node := root.Content[0]; node != nil; {
		node = narrow(node, same, &line)
	}
	return line
}

// narrow leaves one child of the node, the one that is to blame, and returns
// it; nil if there is none that is to blame alone.
func narrow(node *yaml.Node, same func() bool, line *int) *yaml.Node {
	all, step := node.Content, 1
	if node.Kind == yaml.MappingNode {
		step = 2 // key, value
	}
	if node.Kind == yaml.AliasNode {
		return nil
	}
	node.Content = nil
	if len(all) > 0 && same() {
		return nil // something is missing
	}
	for i := 0; i+step <= len(all); i += step {
		node.Content = all[i : i+step]
		if same() {
			*line = all[i].Line
			return all[i+step-1]
		}
	}
	node.Content = all
	return nil
}
