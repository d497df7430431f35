package seclang

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxIncludes bounds files that include each other; maxLine is where Coraza stops to read.
const (
	maxIncludes = 100
	maxLine     = 64 << 10
)

// reader reads one text and what it includes.
type reader struct {
	program  *Program
	root     fs.FS
	dir      string
	includes int
}

// Read reads rules. Include finds its files in root, which may be nil if there are none.
func Read(root fs.FS, text string) (*Program, error) {
	r := &reader{program: &Program{}, root: root}
	if err := r.read(text); err != nil {
		return nil, err
	}
	if all := r.program.Rules; len(all) > 0 && all[len(all)-1].isChained() {
		return nil, fmt.Errorf("reading rules: rule %d is chained to nothing", all[len(all)-1].ID)
	}
	return r.program, nil
}

// read joins lines that end with a backslash. A comment may stand between them.
func (r *reader) read(text string) error {
	var statement strings.Builder
	number := 0
	for line := range strings.Lines(text) {
		number++
		if len(line) > maxLine {
			return fmt.Errorf("reading rules: line %d is longer than %d bytes", number, maxLine)
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[len(line)-1] == '`' {
			return fmt.Errorf("reading rules: line %d opens a data set, which is not supported", number)
		}
		if before, continues := strings.CutSuffix(line, `\`); continues {
			statement.WriteString(before)
			continue
		}
		statement.WriteString(line)
		if err := r.statement(statement.String()); err != nil {
			return fmt.Errorf("reading rules: line %d: %w", number, err)
		}
		statement.Reset()
	}
	return nil // Coraza forgets what the last line has left open, too
}

// harmless are directives that do not change which rules match.
var harmless = map[string]bool{
	"seccomponentsignature": true, "secauditengine": true,
	"secrequestbodyaccess":  true, // whoever asks says what the body is
	"secresponsebodyaccess": true, "secresponsebodymimetype": true, "secresponsebodylimit": true,
}

func (r *reader) statement(text string) error {
	name, rest, _ := strings.Cut(text, " ")
	name = strings.ToLower(name)
	if len(rest) >= 3 && rest[0] == '"' && rest[len(rest)-1] == '"' {
		rest = strings.Trim(rest, `"`)
	}
	switch name {
	case "include":
		return r.include(rest)
	case "secrule":
		return r.add(readRule(rest))
	case "secaction":
		link, err := readActions(unquoted(strings.TrimSpace(rest)))
		return r.add(link, err)
	case "secmarker":
		r.program.Rules = append(r.program.Rules, &Rule{Marker: rest, Text: text})
	case "secruleremovebyid":
		return r.remove(rest)
	case "secruleupdatetargetbyid":
		return r.updateTargets(rest)
	case "secruleupdatetargetbytag":
		return r.updateTargetsByTag(rest)
	case "secruleupdateactionbyid":
		return r.updateActions(rest)
	case "secdefaultaction":
		return r.defaults(rest)
	case "secruleengine":
		if !strings.EqualFold(rest, "on") {
			r.program.Unknown = append(r.program.Unknown, Directive{name, rest})
		}
	default:
		if !harmless[name] {
			r.program.Unknown = append(r.program.Unknown, Directive{name, rest})
		}
	}
	return nil
}

// defaults are of no interest if they only say whether a match is logged, and what block does.
func (r *reader) defaults(text string) error {
	link, err := readActions(unquoted(strings.TrimSpace(text)))
	if err != nil {
		return err
	}
	for _, a := range link.Actions {
		switch a.Name {
		case "phase", "log", "nolog", "auditlog", "noauditlog", "pass", "deny", "status":
		default:
			r.program.Unknown = append(r.program.Unknown, Directive{"secdefaultaction", text})
		}
	}
	return nil
}

// include reads files in the order of their names.
func (r *reader) include(pattern string) error {
	if r.includes++; r.includes > maxIncludes {
		return fmt.Errorf("including %s: more than %d files", pattern, maxIncludes)
	}
	if r.root == nil {
		return fmt.Errorf("including %s: there are no files", pattern)
	}
	files := []string{path.Join(r.dir, pattern)}
	if strings.Contains(pattern, "*") {
		var err error
		if files, err = fs.Glob(r.root, pattern); err != nil {
			return fmt.Errorf("including %s: %w", pattern, err)
		}
	}
	dir := r.dir
	defer func() { r.dir = dir }()
	for _, file := range files {
		text, err := fs.ReadFile(r.root, file)
		if err != nil {
			return fmt.Errorf("including %s: %w", pattern, err)
		}
		r.dir = path.Dir(file)
		if err := r.read(string(text)); err != nil {
			return fmt.Errorf("including %s: %w", file, err)
		}
	}
	return nil
}

var errNoID = errors.New("a rule has no number")

// add appends a rule, or chains it to the one before.
func (r *reader) add(link *Link, err error) error {
	if err != nil {
		return err
	}
	if all := r.program.Rules; len(all) > 0 && all[len(all)-1].isChained() {
		last := all[len(all)-1]
		last.Links = append(last.Links, link)
		last.Text += "\n" + link.text()
		return nil
	}
	rule := &Rule{Links: []*Link{link}, Dir: r.dir, Phase: 2, Text: link.text()}
	if err := rule.describe(); err != nil {
		return err
	}
	if r.program.rule(rule.ID) != nil {
		return fmt.Errorf("duplicate rule %d", rule.ID)
	}
	r.program.Rules = append(r.program.Rules, rule)
	return nil
}
