package pattern

import (
	"cmp"
	"math/bits"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/sieve/byteset"
)

// minLen is how many characters, and so at least how many bytes, a match has.
func minLen(re *syntax.Regexp) (n int) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpCharClass:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return minLen(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * minLen(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			n += minLen(sub)
		}
	case syntax.OpAlternate:
		n = minLen(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, minLen(sub))
		}
	}
	return n
}

// maxSets is how many sets of bytes one expression is asked for: each costs a comparison.
const maxSets = 8

// bytesOf returns sets of bytes of each of which a match has one, the rarest first.
func bytesOf(re *syntax.Regexp) byteset.All {
	sets := setsOf(re)
	slices.SortStableFunc(sets, func(a, b byteset.Set) int { return cmp.Compare(weight(a), weight(b)) })
	sets = slices.DeleteFunc(slices.Compact(sets), func(s byteset.Set) bool { return weight(s) > maxWeight })
	return sets[:min(len(sets), maxSets)]
}

func setsOf(re *syntax.Regexp) (all []byteset.Set) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			all = append(all, charSet(r, r, re.Flags&syntax.FoldCase != 0))
		}
	case syntax.OpCharClass:
		var set byteset.Set
		for i := 0; i < len(re.Rune); i += 2 {
			set = set.Or(charSet(re.Rune[i], re.Rune[i+1], false))
		}
		all = append(all, set)
	case syntax.OpCapture, syntax.OpPlus:
		return setsOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return setsOf(re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			all = append(all, setsOf(sub)...)
		}
	case syntax.OpAlternate:
		var set byteset.Set
		for _, sub := range re.Sub {
			best := bytesOf(sub)
			if len(best) == 0 {
				return nil
			}
			set = set.Or(best[0])
		}
		all = append(all, set)
	}
	return all
}

// charSet returns the bytes of which one is in each of these characters, and in what they are
// in other cases. All characters beyond ASCII count alike; U+FFFD also stands for any byte
// that is no UTF-8.
func charSet(first, last rune, fold bool) (set byteset.Set) {
	add := func(r rune) {
		if r >= utf8.RuneSelf {
			set = set.Or(byteset.Range(0x80, 0xff))
		} else {
			set.Add(byte(r))
		}
	}
	for r := first; r <= min(last, utf8.RuneSelf); r++ {
		add(r)
	}
	add(last)
	if fold {
		for r := unicode.SimpleFold(first); r != first; r = unicode.SimpleFold(r) {
			add(r)
		}
	}
	return set
}

var (
	letters   = byteset.Range('a', 'z').Or(byteset.Of(" "))
	digits    = byteset.Range('0', '9').Or(byteset.Range('A', 'Z')).Or(byteset.Of(".-/=_"))
	maxWeight = 26 * 40 // more than all letters: nearly every text has one
)

// weight estimates how often a byte of a set occurs in texts.
func weight(set byteset.Set) (sum int) {
	for i, word := range set {
		sum += bits.OnesCount64(word) + 39*bits.OnesCount64(word&letters[i]) + 9*bits.OnesCount64(word&digits[i])
	}
	return sum
}
