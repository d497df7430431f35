package sieve

import "strings"

// macro is a text with references to variables in it, such as |%{tx.0}|.
type macro []token

// token is a text, or a reference, whose text it is if there is no such value.
type token struct {
	text           string
	variable, name string // in capitals; in small letters. Empty: only a text
}

func readMacro(text string) (m macro) {
	for {
		before, rest, found := strings.Cut(text, "%{")
		reference, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			if text != "" {
				m = append(m, token{text: text})
			}
			return m
		}
		if before != "" {
			m = append(m, token{text: before})
		}
		variable, name, _ := strings.Cut(reference, ".")
		m = append(m, token{"%{" + reference + "}", strings.ToUpper(variable), strings.ToLower(name)})
		text = after
	}
}

// isText reports whether there is no reference.
func (m macro) isText() bool {
	for _, t := range m {
		if t.variable != "" {
			return false
		}
	}
	return true
}

// prefix is the text in front of the first reference.
func (m macro) prefix() string {
	if len(m) == 0 || m[0].variable != "" {
		return ""
	}
	return m[0].text
}

// expand replaces references. It is not known if one of them is not.
func (m macro) expand(value func(variable, name string) (text string, state state)) (text string, known bool) {
	if len(m) == 1 && m[0].variable == "" {
		return m[0].text, true
	}
	var b strings.Builder
	for _, t := range m {
		switch text, state := t.of(value); state {
		case unknown:
			return "", false
		default:
			b.WriteString(text)
		}
	}
	return b.String(), true
}

func (t token) of(value func(variable, name string) (string, state)) (string, state) {
	if t.variable == "" {
		return t.text, known
	}
	text, state := value(t.variable, t.name)
	if state == unset {
		return t.text, known // Coraza leaves the reference as it is
	}
	return text, state
}

// state is what we know of a variable.
type state uint8

const (
	unset state = iota
	known
	unknown
)

// setvar is an action that sets a TX variable.
type setvar struct {
	name, value macro
	removes     bool
}

// readSetvar reads tx.name=value. Others than TX are refused by Coraza.
func readSetvar(text string) (s setvar, ok bool) {
	text, s.removes = strings.CutPrefix(text, "!")
	name, value, _ := strings.Cut(text, "=")
	collection, name, _ := strings.Cut(name, ".")
	s.name, s.value = readMacro(strings.ToLower(name)), readMacro(value)
	return s, strings.EqualFold(collection, "tx") && name != ""
}

// isSum reports whether a value is added to what there is.
func isSum(value string) bool { return value != "" && (value[0] == '+' || value[0] == '-') }
