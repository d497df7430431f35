package sieve

import (
	"fmt"
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/libinjection-go"

	"github.com/theriac-edge/theriac/sieve/byteset"
	"github.com/theriac-edge/theriac/sieve/pattern"
)

// operator is what a value is asked: first what a match needs, then the question itself.
type operator struct {
	minLen  int
	bytes   byteset.All
	words   []string // of which one must be in the value
	set     int      // of words in the finder, or -1
	folds   bool     // words are those of an expression: see pattern.Folds
	pattern *pattern.Pattern
	arg     macro // of operators that know references

	// decide is nil if nobody knows what the operator does, or if words decide.
	decide func(value, arg string) (matched, decided bool)
	isWord bool
}

// certain makes a function that always knows into one that may not.
func certain(decide func(value, arg string) bool) func(value, arg string) (bool, bool) {
	return func(value, arg string) (bool, bool) { return decide(value, arg), true }
}

// compare makes an operator of numbers. What is no number is 0.
func compare(holds func(value, arg int) bool) func(value, arg string) (bool, bool) {
	return func(value, arg string) (bool, bool) {
		v, _ := strconv.Atoi(value)
		a, _ := strconv.Atoi(arg)
		return holds(v, a), true
	}
}

// simple are the operators whose argument may have references.
var simple = map[string]func(value, arg string) (bool, bool){
	"contains":   certain(strings.Contains),
	"beginswith": certain(strings.HasPrefix),
	"endswith":   certain(strings.HasSuffix),
	"within":     certain(func(value, arg string) bool { return strings.Contains(arg, value) }),
	"streq":      certain(func(value, arg string) bool { return value == arg }),
	"eq":         compare(func(value, arg int) bool { return value == arg }),
	"ge":         compare(func(value, arg int) bool { return value >= arg }),
	"gt":         compare(func(value, arg int) bool { return value > arg }),
	"le":         compare(func(value, arg int) bool { return value <= arg }),
	"lt":         compare(func(value, arg int) bool { return value < arg }),
}

// newOperator returns an operator, which decides nothing if its name is not known.
func (c *compiler) newOperator(name, arg, dir string) (*operator, error) {
	o := &operator{set: -1}
	var err error
	switch name {
	case "rx":
		err = o.express(arg, c.memory)
	case "rxpair":
		err = o.pair(arg, c.memory)
	case "pm":
		o.oneOf(strings.Split(strings.ToLower(arg), " "))
	case "pmfromfile", "pmf":
		err = o.oneOfFile(c.root, path.Join(dir, arg))
	case "detectsqli":
		o.decide = certain(func(value, _ string) bool { isSQLi, _ := libinjection.IsSQLi(value); return isSQLi })
	case "detectxss":
		o.decide = certain(func(value, _ string) bool { return libinjection.IsXSS(value) })
	case "validatebyterange":
		err = o.byteRange(arg)
	case "validateutf8encoding":
		o.bytes = byteset.All{byteset.Range(0x80, 0xff)}
		o.decide = certain(func(value, _ string) bool { return !utf8.ValidString(value) })
	case "validateurlencoding":
		o.bytes = byteset.All{byteset.Of("%")}
		o.decide = certain(func(value, _ string) bool { return !isURLEncoded(value) })
	case "unconditionalmatch":
		o.decide = certain(func(_, _ string) bool { return true })
	case "ipmatch":
		o.network(arg)
	default:
		o.decide = simple[name]
		o.arg = readMacro(arg)
	}
	if err != nil {
		return nil, fmt.Errorf("@%s: %w", name, err)
	}
	return o, nil
}

func (o *operator) express(arg string, memory *pattern.Memory) (err error) {
	if o.pattern, err = pattern.Compile(arg, memory); err != nil {
		return err
	}
	o.minLen, o.bytes, o.words, o.folds = o.pattern.MinLen, o.pattern.Bytes, o.pattern.Words, true
	o.decide = func(value, _ string) (bool, bool) { return o.pattern.Match(value) }
	return nil
}

// pair is an operator of our firewall: whether the two groups of an expression have the same
// text, or different ones.
func (o *operator) pair(arg string, memory *pattern.Memory) error {
	how, expression, _ := strings.Cut(arg, " ")
	if err := o.express(expression, memory); err != nil {
		return err
	}
	p := o.pattern
	o.pattern = nil // what it captures is not asked for
	o.decide = func(value, _ string) (bool, bool) {
		if matched, decided := p.Match(value); !matched {
			return false, decided
		}
		groups := p.Groups(value)
		return len(groups) == 3 && (groups[1] == groups[2]) == (how == "same"), len(groups) == 3
	}
	return nil
}

// oneOf asks for words. Without an empty one, what the finder finds is the answer.
func (o *operator) oneOf(words []string) {
	o.minLen = len(words[0])
	for _, word := range words {
		if word == "" {
			o.minLen = 0
			return
		}
		o.minLen = min(o.minLen, len(word))
	}
	o.words, o.isWord = words, true
}

func (o *operator) oneOfFile(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			words = append(words, strings.ToLower(line))
		}
	}
	if len(words) > 0 {
		o.oneOf(words)
	}
	return nil
}

// byteRange matches a value that has a byte outside of the ranges.
func (o *operator) byteRange(arg string) error {
	var valid byteset.Set
	for part := range strings.SplitSeq(arg, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 8)
		if err != nil {
			return err
		}
		to, err := strconv.ParseUint(last, 10, 8)
		if err != nil {
			return err
		}
		if from <= to {
			valid = valid.Or(byteset.Range(byte(from), byte(to)))
		}
	}
	invalid := valid.Not()
	o.bytes = byteset.All{invalid}
	o.decide = certain(func(value, _ string) bool { return invalid.Index(value) >= 0 })
	return nil
}

// isURLEncoded reports whether two hexadecimal digits are behind each %.
func isURLEncoded(value string) bool {
	for {
		_, rest, found := strings.Cut(value, "%")
		if !found {
			return true
		}
		if len(rest) < 2 {
			return false
		}
		if _, err := strconv.ParseUint(rest[:2], 16, 8); err != nil {
			return false
		}
		value = rest[2:]
	}
}

// network matches addresses. What is no network in the list does not count.
func (o *operator) network(arg string) {
	var all []*net.IPNet
	for part := range strings.SplitSeq(arg, ",") {
		part = strings.TrimSpace(part)
		switch {
		case strings.Contains(part, "/"):
		case strings.Contains(part, ":"):
			part += "/128"
		case strings.Contains(part, "."):
			part += "/32"
		}
		if _, network, err := net.ParseCIDR(part); err == nil {
			all = append(all, network)
		}
	}
	o.decide = certain(func(value, _ string) bool {
		ip := net.ParseIP(value)
		for _, network := range all {
			if network.Contains(ip) {
				return true
			}
		}
		return false
	})
}
