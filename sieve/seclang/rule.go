package seclang

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// readRule reads VARIABLES "OPERATOR" "ACTIONS".
func readRule(text string) (*Link, error) {
	variables, rest, _ := strings.Cut(strings.Trim(text, " "), " ")
	rest = strings.TrimLeft(rest, " ")
	end := endOfQuoted(rest)
	if end < 0 {
		return nil, fmt.Errorf("an operator in quotation marks is missing in %.60q", text)
	}
	operator := strings.ReplaceAll(rest[1:end], `\"`, `"`)
	rest = strings.TrimLeft(rest[end+1:], " ")
	link := &Link{}
	if rest != "" {
		if len(rest) < 2 || rest[0] != '"' || rest[len(rest)-1] != '"' {
			return nil, fmt.Errorf("actions in quotation marks are missing in %.60q", text)
		}
		var err error
		if rest = rest[1 : len(rest)-1]; rest != "" {
			link, err = readActions(rest)
		}
		if err != nil {
			return nil, err
		}
	}
	link.readOperator(operator)
	err := link.readTargets(variables)
	return link, err
}

// endOfQuoted returns where the quotation mark is that closes the text; one behind a
// backslash does not.
func endOfQuoted(text string) int {
	if text == "" || text[0] != '"' {
		return -1
	}
	escaped := false
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			escaped = !escaped
		case text[i] == '"' && !escaped:
			return i
		default:
			escaped = false
		}
	}
	return -1
}

// readOperator reads @name argument, !@name argument, or a regular expression.
func (l *Link) readOperator(text string) {
	l.Negated = strings.HasPrefix(text, "!")
	text = strings.TrimPrefix(text, "!")
	name, argument := "rx", text
	if named, ok := strings.CutPrefix(text, "@"); ok {
		name, argument, _ = strings.Cut(named, " ")
	}
	l.Operator, l.Argument = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(argument)
}

// readActions reads name:value,name:'value, with a comma',name.
func readActions(text string) (*Link, error) {
	link := &Link{}
	var parts []string
	quoted, start := false, 0
	for i := 1; i < len(text); i++ {
		switch {
		case text[i-1] == '\\':
		case text[i] == '\'':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	for _, part := range append(parts, text[start:]) {
		name, value, _ := strings.Cut(part, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), unquoted(strings.TrimSpace(value))
		switch {
		case name == "":
			return nil, fmt.Errorf("an action without a name in %.60q", text)
		case name == "t" && strings.EqualFold(value, "none"):
			link.Transformations = nil
		case name == "t":
			link.Transformations = append(link.Transformations, strings.ToLower(value))
		default:
			link.Actions = append(link.Actions, Action{name, value})
		}
	}
	return link, nil
}

// unquoted removes a pair of quotation marks around a text.
func unquoted(text string) string {
	if n := len(text); n >= 2 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'') {
		return text[1 : n-1]
	}
	return text
}

// describe takes number, phase and tags out of the actions of the first link.
func (r *Rule) describe() error {
	r.Tags = nil
	for _, a := range r.Links[0].Actions {
		var err error
		switch a.Name {
		case "id":
			r.ID, err = strconv.Atoi(a.Value)
		case "phase":
			r.Phase, err = phaseOf(a.Value)
		case "tag":
			r.Tags = append(r.Tags, a.Value)
		}
		if err != nil {
			return err
		}
	}
	if r.ID == 0 {
		return errNoID
	}
	return nil
}

func phaseOf(name string) (int, error) {
	switch strings.ToLower(name) {
	case "request":
		return 2, nil
	case "response":
		return 4, nil
	case "logging":
		return 5, nil
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > 5 {
		return 0, errors.New("unknown phase " + strconv.Quote(name))
	}
	return n, nil
}

// text is the link in one way of writing it, whatever line breaks and blanks it had.
func (l *Link) text() string {
	var b strings.Builder
	for i, t := range l.Targets {
		if i > 0 {
			b.WriteByte('|')
		}
		fmt.Fprintf(&b, "%+v", t)
	}
	fmt.Fprintf(&b, " %t %s %q %v", l.Negated, l.Operator, l.Argument, l.Transformations)
	for _, a := range l.Actions {
		switch a.Name {
		case "msg", "logdata", "tag", "ver", "rev": // say something, and do nothing
		default:
			fmt.Fprintf(&b, " %s=%q", a.Name, a.Value)
		}
	}
	return b.String()
}
