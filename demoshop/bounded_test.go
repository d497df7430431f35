package demoshop

import (
	"fmt"
	"slices"
	"testing"
)

func TestBounded(t *testing.T) {
	b := newBounded[string, int](2)
	for _, step := range []struct {
		what string
		do   func() bool
		want bool
		left string
	}{
		{"one fits", func() bool { return b.put("a", 1) }, false, "[1]"},
		{"so do two", func() bool { return b.put("b", 2) }, false, "[1 2]"},
		{"putting again makes newer", func() bool { return b.put("a", 3) }, false, "[2 3]"},
		{"updating does not", func() bool { b.update("b", 4); return false }, false, "[4 3]"},
		{"nor does it add", func() bool { b.update("x", 9); return false }, false, "[4 3]"},
		{"a third drives out the oldest", func() bool { return b.put("c", 5) }, true, "[3 5]"},
		{"removing makes room", func() bool { b.remove("a"); b.remove("x"); return b.put("d", 6) }, false, "[5 6]"},
	} {
		if got, want := step.do(), step.want; got != want {
			t.Errorf("%s: got evicted %v, want %v", step.what, got, want)
		}
		if got, want := fmt.Sprint(slices.Collect(b.all)), step.left; got != want {
			t.Errorf("%s: got %s, want %s", step.what, got, want)
		}
	}
	if _, ok := b.get("a"); ok {
		t.Error("a removed value was found")
	}
	for range b.all {
		break
	}
}

// What is forgotten stays counted.
func TestForgottenOrdersAreCounted(t *testing.T) {
	b := newBook("x")
	b.orders = newBounded[string, Order](2)
	b.debts = newBounded[string, struct{}](1)
	first, _ := b.placeDirect("k", Buyer{}, nil, t0)
	for range 2 {
		b.placeDirect("", Buyer{}, nil, t0)
	}
	if again, repeated := b.placeDirect("k", Buyer{}, nil, t0); !repeated || again.No != first.No {
		t.Errorf("got order %q, want the forgotten %q", again.No, first.No)
	}
	b.refuseDirect("k1", true)
	b.refuseDirect("k2", true)
	b.placeDirect("k1", Buyer{}, nil, t0)
	if got, want := b.count(), (Orders{Placed: 4, Duplicates: 1, Forgotten: 2, Refused: 2, Lost: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
