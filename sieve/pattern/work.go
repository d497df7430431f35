package pattern

import (
	"regexp/syntax"
	"slices"
)

// work is a set of instructions under construction.
type work struct {
	at      []uint32
	seen    []uint64
	isMatch bool
}

func (w *work) enter(prog *syntax.Prog, pc uint32) (isNew bool) {
	if w.seen == nil {
		w.seen = make([]uint64, len(prog.Inst)/64+1)
	}
	if w.seen[pc/64]&(1<<(pc%64)) != 0 {
		return false
	}
	w.seen[pc/64] |= 1 << (pc % 64)
	return true
}

// add follows an instruction to those that wait: for a character, or for an assertion.
func (w *work) add(prog *syntax.Prog, pc uint32) {
	stack := []uint32{pc}
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !w.enter(prog, pc) {
			continue
		}
		switch inst := &prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Arg, inst.Out)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstMatch:
			w.isMatch = true
		case syntax.InstFail:
		default:
			w.at = append(w.at, pc)
		}
	}
}

// resolve follows the assertions that hold, also those behind others.
func (w *work) resolve(prog *syntax.Prog, at []uint32, holds syntax.EmptyOp) {
	for _, pc := range at {
		w.enter(prog, pc)
	}
	w.at = slices.Clone(at)
	for i := 0; i < len(w.at); i++ {
		inst := &prog.Inst[w.at[i]]
		if inst.Op == syntax.InstEmptyWidth && syntax.EmptyOp(inst.Arg)&^holds == 0 {
			w.add(prog, inst.Out)
		}
	}
}

// isVain reports whether an instruction waits for an assertion that cannot hold behind such a
// character.
func isVain(inst *syntax.Inst, before side) bool {
	if inst.Op != syntax.InstEmptyWidth {
		return false
	}
	asked := syntax.EmptyOp(inst.Arg)
	return asked&syntax.EmptyBeginText != 0 && before != edge ||
		asked&syntax.EmptyBeginLine != 0 && before != edge && before != newline
}
