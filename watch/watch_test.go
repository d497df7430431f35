package watch

import (
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// TestNames: streams, controls and vectors have names of their own, and each class has a
// stream or none.
func TestNames(t *testing.T) {
	known := map[string]bool{}
	add := func(name string) {
		if name == "" || known[name] {
			t.Errorf("%q is not a name of its own", name)
		}
		known[name] = true
	}
	for c := range Controls {
		add(Control(c).String())
	}
	for v := range Vectors {
		add(Vector(v).String())
	}
	clear(known)
	for s := range Streams {
		add(Stream(s).String())
	}
	dynamic := 0
	for c := range shop.Classes {
		if s, ok := StreamOf(shop.Class(c)); ok {
			dynamic++
		} else if s != 0 {
			t.Errorf("%v is in no stream, but in %v", shop.Class(c), s)
		}
	}
	if dynamic != 6 {
		t.Errorf("%d classes are dynamic, want page, api, search, account, cart and checkout", dynamic)
	}
}
