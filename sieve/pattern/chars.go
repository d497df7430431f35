package pattern

import (
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxKinds is how many kinds of characters an automaton tells apart; the last is the end.
const maxKinds = 250

// kinds divides characters into those that an expression tells apart.
type kinds struct {
	ascii [utf8.RuneSelf]uint8
	first []rune // the first of each kind that is no ASCII, in order
	kind  []uint8
	of    []rune // one character of each kind
}

// kindsOf returns nil if there are too many.
func kindsOf(prog *syntax.Prog) *kinds {
	bounds := boundsOf(prog)
	k := &kinds{}
	seen := make(map[string]uint8)
	for i, first := range bounds {
		sign := signature(prog, first)
		kind, ok := seen[sign]
		if !ok {
			if len(k.of) == maxKinds {
				return nil
			}
			kind = uint8(len(k.of))
			seen[sign] = kind
			k.of = append(k.of, first)
		}
		next := rune(unicode.MaxRune + 1)
		if i+1 < len(bounds) {
			next = bounds[i+1]
		}
		for r := first; r < min(next, utf8.RuneSelf); r++ {
			k.ascii[r] = kind
		}
		if next > utf8.RuneSelf && (len(k.kind) == 0 || k.kind[len(k.kind)-1] != kind) {
			k.first, k.kind = append(k.first, first), append(k.kind, kind)
		}
	}
	return k
}

// boundsOf returns the characters at which something may change for some instruction.
func boundsOf(prog *syntax.Prog) []rune {
	bounds := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1}
	for i := range prog.Inst {
		inst := &prog.Inst[i]
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		default:
			continue
		}
		if len(inst.Rune) == 1 {
			r := inst.Rune[0]
			bounds = append(bounds, r, r+1)
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				bounds = append(bounds, f, f+1)
			}
		}
		for j := 0; j+1 < len(inst.Rune); j += 2 {
			bounds = append(bounds, inst.Rune[j], inst.Rune[j+1]+1)
		}
	}
	slices.Sort(bounds)
	return slices.DeleteFunc(slices.Compact(bounds), func(r rune) bool { return r > unicode.MaxRune })
}

// signature tells which instructions match a character, and what it is to assertions.
func signature(prog *syntax.Prog, r rune) string {
	bits := make([]byte, len(prog.Inst)/8+2)
	for i := range prog.Inst {
		if consumes(&prog.Inst[i], r) {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	bits[len(bits)-1] = byte(sideOf(r))
	return string(bits)
}

// consumes reports whether an instruction matches a character.
func consumes(inst *syntax.Inst, r rune) bool {
	switch inst.Op {
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	case syntax.InstRune, syntax.InstRune1:
		return inst.MatchRune(r)
	}
	return false
}

// of a character beyond ASCII.
func (k *kinds) wide(r rune) uint8 {
	i, exact := slices.BinarySearch(k.first, r)
	if !exact {
		i--
	}
	return k.kind[i]
}

// side is what a character is to the assertions beside it.
type side uint8

const (
	edge side = iota // the begin or the end of the text
	newline
	word
	other
)

func sideOf(r rune) side {
	switch {
	case r == '\n':
		return newline
	case syntax.IsWordChar(r):
		return word
	}
	return other
}

// between returns which assertions hold between two characters.
func between(before, after side) (flags syntax.EmptyOp) {
	if before == edge {
		flags |= syntax.EmptyBeginText | syntax.EmptyBeginLine
	}
	if before == newline {
		flags |= syntax.EmptyBeginLine
	}
	if after == edge {
		flags |= syntax.EmptyEndText | syntax.EmptyEndLine
	}
	if after == newline {
		flags |= syntax.EmptyEndLine
	}
	if (before == word) != (after == word) {
		return flags | syntax.EmptyWordBoundary
	}
	return flags | syntax.EmptyNoWordBoundary
}
