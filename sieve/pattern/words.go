package pattern

import (
	"maps"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// How many words an expression may need, and how long they are: more would say little.
const (
	maxExact = 64
	maxWords = 300
	maxWord  = 24
	minWord  = 2 // one byte is known by its set already
)

// literals are what is known of the texts that a part of an expression matches, in small letters.
type literals struct {
	exact []string // all that it can be, if these are few; nil: unknown
	some  []string // one of these is in each; nil: unknown
}

// wordsOf returns words of which one is in each match, or nil. Characters that only look like
// ASCII when their case is ignored (U+017F for s, U+212A for k) are not thought of: see Folds.
func wordsOf(re *syntax.Regexp) []string { return literalsOf(re).best() }

// Folds reports whether a value has a character that is ASCII when its case is ignored: Words
// say nothing about such a value.
func Folds(value string) bool {
	return strings.Contains(value, "\u017f") || strings.Contains(value, "\u212a")
}

var empty = literals{exact: []string{""}}

func literalsOf(re *syntax.Regexp) literals {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return empty
	case syntax.OpLiteral:
		text := string(re.Rune)
		if isASCII(text) {
			return literals{exact: []string{strings.ToLower(text)}}.bounded()
		}
	case syntax.OpCharClass:
		return literalsOfClass(re.Rune)
	case syntax.OpCapture:
		return literalsOf(re.Sub[0])
	case syntax.OpPlus:
		return literals{some: literalsOf(re.Sub[0]).best()}
	case syntax.OpRepeat:
		if re.Min > 0 {
			return literals{some: literalsOf(re.Sub[0]).best()}
		}
	case syntax.OpQuest:
		if l := literalsOf(re.Sub[0]); l.exact != nil {
			return literals{exact: append([]string{""}, l.exact...)}.bounded()
		}
	case syntax.OpConcat:
		return literalsOfConcat(re.Sub)
	case syntax.OpAlternate:
		return literalsOfAlternate(re.Sub)
	}
	return literals{}
}

func literalsOfClass(ranges []rune) literals {
	seen := make(map[string]bool)
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i] == ranges[i+1] && (ranges[i] == '\u017f' || ranges[i] == '\u212a') {
			continue // s and k are in the class as well
		}
		if ranges[i+1] >= utf8.RuneSelf || ranges[i+1]-ranges[i] >= 8 {
			return literals{}
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			seen[strings.ToLower(string(r))] = true
		}
	}
	if len(seen) == 0 || len(seen) > 8 {
		return literals{}
	}
	return literals{exact: slices.Sorted(maps.Keys(seen))}
}

// literalsOfConcat joins what is exact in a row, and keeps the best of all rows.
func literalsOfConcat(subs []*syntax.Regexp) literals {
	row, best, whole := empty, []string(nil), true
	for _, sub := range subs {
		next := literalsOf(sub)
		if joined := row.join(next); joined.exact != nil {
			row = joined
			continue
		}
		whole = false
		best = better(better(best, row.best()), next.best())
		if row = next; row.exact == nil {
			row = empty
		}
	}
	if whole {
		return row
	}
	return literals{some: better(best, row.best())}
}

func literalsOfAlternate(subs []*syntax.Regexp) literals {
	var exact, some []string
	isExact, isSome := true, true
	for _, sub := range subs {
		l := literalsOf(sub)
		isExact = isExact && l.exact != nil
		exact = append(exact, l.exact...)
		words := l.best()
		isSome = isSome && words != nil
		some = append(some, words...)
	}
	if isExact {
		if l := (literals{exact: exact}).bounded(); l.exact != nil {
			return l
		}
	}
	if isSome && len(some) <= maxWords {
		return literals{some: some}
	}
	return literals{}
}

// bounded gives up being exact if there is too much.
func (l literals) bounded() literals {
	longest := 0
	for _, text := range l.exact {
		longest = max(longest, len(text))
	}
	switch {
	case len(l.exact) > maxExact:
		return literals{some: l.best()}
	case longest > maxWord:
		return literals{some: l.best()}
	}
	return l
}

// join returns all texts of l followed by all of next, unless that is too much.
func (l literals) join(next literals) literals {
	if l.exact == nil || next.exact == nil || len(l.exact)*len(next.exact) > maxExact {
		return literals{}
	}
	var all []string
	for _, a := range l.exact {
		for _, b := range next.exact {
			if len(a)+len(b) > maxWord {
				return literals{}
			}
			all = append(all, a+b)
		}
	}
	return literals{exact: all}
}

// best returns words of which one must occur, or nil.
func (l literals) best() []string {
	if l.some != nil {
		return l.some
	}
	if len(l.exact) > maxWords || shortest(l.exact) < minWord {
		return nil
	}
	return l.exact
}

func shortest(words []string) int {
	if len(words) == 0 {
		return 0
	}
	n := len(words[0])
	for _, word := range words {
		n = min(n, len(word))
	}
	return n
}

// better returns the words that occur more rarely: longer ones, and fewer of them.
func better(a, b []string) []string {
	long := func(words []string) int { return min(shortest(words), 5) }
	switch {
	case a == nil || b != nil && (long(b) > long(a) || long(b) == long(a) && len(b) < len(a)):
		return b
	}
	return a
}
