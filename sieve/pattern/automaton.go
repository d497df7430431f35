package pattern

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// automaton decides whether an expression matches anywhere in a text. A state is the set of
// instructions at which an attempt stands, whichever character it began at, so each character
// costs one step. Transitions are written once, under a lock, and read without one.
type automaton struct {
	prog   *syntax.Prog
	kinds  *kinds
	sides  [4]side // what assertions of this expression tell apart
	begins bool    // matches begin where the text does
	latin  bool    // bytes are characters
	memory *Memory
	table  atomic.Pointer[table]
}

// table are the states of one epoch.
type table struct {
	epoch  int64
	start  *state
	mu     sync.Mutex
	states map[string]*state
}

// state is between two characters.
type state struct {
	next   []atomic.Pointer[state] // by kind of the next character; the last is the end
	at     []uint32                // instructions that wait for a character, or an assertion
	before side
}

// Two states that are never left.
var (
	matched = &state{}
	failed  = &state{}
)

// newAutomaton returns nil if the expression tells too many characters apart.
func newAutomaton(tree *syntax.Regexp, latin bool, memory *Memory) (*automaton, error) {
	prog, err := syntax.Compile(tree)
	if err != nil {
		return nil, err
	}
	a := &automaton{prog: prog, kinds: kindsOf(prog), latin: latin, memory: memory}
	if a.kinds == nil {
		return nil, nil //nolint:nilnil // not an error: package regexp decides
	}
	a.sides = sidesOf(prog)
	var start work
	start.add(prog, uint32(prog.Start))
	a.begins = !start.isMatch && !slices.ContainsFunc(start.at, func(pc uint32) bool {
		inst := &prog.Inst[pc]
		return inst.Op != syntax.InstEmptyWidth || syntax.EmptyOp(inst.Arg)&syntax.EmptyBeginText == 0
	})
	return a, nil
}

// sidesOf merges what no assertion of the expression tells apart, which saves states.
func sidesOf(prog *syntax.Prog) [4]side {
	var asked syntax.EmptyOp
	for i := range prog.Inst {
		if prog.Inst[i].Op == syntax.InstEmptyWidth {
			asked |= syntax.EmptyOp(prog.Inst[i].Arg)
		}
	}
	sides := [4]side{edge, newline, word, other}
	if asked&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) == 0 {
		sides[word] = other
	}
	if asked&syntax.EmptyBeginLine == 0 {
		sides[newline] = other
	}
	return sides
}

// match reports whether the text matches; if states would be needed for which there is no
// memory, it does not decide.
func (a *automaton) match(text string) (isMatch, decided bool) {
	t := a.current()
	if t == nil {
		a.memory.lose()
		return false, false
	}
	at := t.start
	if at == matched {
		return true, true
	}
	for i := 0; i < len(text); {
		var kind uint8
		switch c := text[i]; {
		case c < utf8.RuneSelf:
			kind = a.kinds.ascii[c]
			i++
		case a.latin:
			kind = a.kinds.wide(rune(c))
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			kind = a.kinds.wide(r)
			i += size
		}
		next := at.next[kind].Load()
		if next == nil {
			next = a.step(t, at, int(kind))
		}
		switch next {
		case matched:
			return true, true
		case failed:
			return false, true
		case nil:
			a.memory.lose()
			return false, false
		}
		at = next
	}
	end := len(a.kinds.of)
	next := at.next[end].Load()
	if next == nil {
		next = a.step(t, at, end)
	}
	return next == matched, true
}

// current returns the table of this epoch, or nil if there is no memory for one.
func (a *automaton) current() *table {
	t, epoch := a.table.Load(), a.memory.epoch.Load()
	if t != nil && t.epoch == epoch {
		return t
	}
	fresh := &table{epoch: epoch, states: make(map[string]*state)}
	var set work
	set.add(a.prog, uint32(a.prog.Start))
	fresh.start = a.intern(fresh, &set, edge)
	if fresh.start == nil {
		return nil
	}
	a.table.CompareAndSwap(t, fresh)
	return fresh
}

// step returns the state behind the next character, and notes it. It returns nil if there is
// no memory for it; for the end there always is.
func (a *automaton) step(t *table, from *state, kind int) *state {
	t.mu.Lock()
	defer t.mu.Unlock()
	if next := from.next[kind].Load(); next != nil {
		return next
	}
	next := a.advance(t, from, kind)
	if next != nil {
		from.next[kind].Store(next)
	}
	return next
}

func (a *automaton) advance(t *table, from *state, kind int) *state {
	isEnd := kind == len(a.kinds.of)
	after := edge
	if !isEnd {
		after = sideOf(a.kinds.of[kind])
	}
	var here, next work
	here.resolve(a.prog, from.at, between(from.before, after))
	if here.isMatch {
		return matched
	}
	if isEnd {
		return failed
	}
	for _, pc := range here.at {
		if inst := &a.prog.Inst[pc]; consumes(inst, a.kinds.of[kind]) {
			next.add(a.prog, inst.Out)
		}
	}
	next.add(a.prog, uint32(a.prog.Start))
	return a.intern(t, &next, a.sides[after])
}

// intern returns the state with these instructions. Callers hold the lock, or the only
// pointer to the table.
func (a *automaton) intern(t *table, set *work, before side) *state {
	if set.isMatch {
		return matched
	}
	at := slices.DeleteFunc(set.at, func(pc uint32) bool { return isVain(&a.prog.Inst[pc], before) })
	if len(at) == 0 && before != edge && a.begins {
		return failed
	}
	slices.Sort(at)
	key := make([]byte, 1, 1+4*len(at))
	key[0] = byte(before)
	for _, pc := range at {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	if s := t.states[string(key)]; s != nil {
		return s
	}
	kinds := len(a.kinds.of) + 1
	if !a.memory.take(int64(8*kinds + 8*len(at) + 160)) {
		return nil
	}
	s := &state{next: make([]atomic.Pointer[state], kinds), at: slices.Clone(at), before: before}
	t.states[string(key)] = s
	return s
}
