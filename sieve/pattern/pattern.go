// Package pattern decides regular expressions as Coraza's @rx does, in a fraction of its time.
//
// For each expression it knows what every match needs: a length, bytes, words. A value that
// lacks one of them does not match. What is left is decided by an automaton whose states are
// made when they are first needed. Its answer is that of package regexp, or none if the memory
// for states is used up: then the caller must assume the worse of both.
package pattern

import (
	"regexp"
	"regexp/syntax"

	"rsc.io/binaryregexp"

	"github.com/theriac-edge/theriac/sieve/byteset"
)

// Pattern is a regular expression. It is safe for concurrent use.
type Pattern struct {
	MinLen int            // no shorter value matches
	Bytes  byteset.All    // no value matches whose bytes do not fulfil this
	Words  []string       // in each match one of these occurs, in any case of ASCII; nil: nothing is known
	Latin  bool           // bytes are characters; otherwise the value is read as UTF-8
	chars  *automaton     // nil: there are too many kinds of characters
	re     *regexp.Regexp // nil if Latin
	latin  *binaryregexp.Regexp
}

// Compile reads an expression as Coraza does: . matches line breaks, ^ and $ the bounds of
// lines; or, if it names bytes that are no UTF-8, neither, and each byte is a character.
func Compile(expression string, memory *Memory) (*Pattern, error) {
	p := &Pattern{Latin: namesBytes("(?sm)" + expression)}
	var err error
	if p.Latin {
		if p.latin, err = binaryregexp.Compile(expression); err != nil {
			return nil, err
		}
	} else {
		expression = "(?sm)" + expression
		if p.re, err = regexp.Compile(expression); err != nil {
			return nil, err
		}
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil || p.Latin && !isASCII(expression) {
		return p, nil // the two packages may read it differently
	}
	tree = tree.Simplify()
	p.MinLen, p.Bytes, p.Words = minLen(tree), bytesOf(tree), wordsOf(tree)
	p.chars, err = newAutomaton(tree, p.Latin, memory)
	return p, err
}

// Match reports whether the value matches, and whether that is certain.
func (p *Pattern) Match(value string) (matched, decided bool) {
	switch {
	case p.chars == nil && p.Latin:
		return p.latin.MatchString(value), true
	case p.chars == nil:
		return p.re.MatchString(value), true
	}
	return p.chars.match(value)
}

// Groups returns the texts of the leftmost match and of its groups, or nil.
func (p *Pattern) Groups(value string) []string {
	if p.Latin {
		return p.latin.FindStringSubmatch(value)
	}
	return p.re.FindStringSubmatch(value)
}
