package byteset_test

import (
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/sieve/byteset"
)

// TestSet compares each operation with the same over texts.
func TestSet(t *testing.T) {
	texts := []string{"", "a", "\x00\x3f\x40\x7f\x80\xbf\xc0\xff", "az", "z"}
	for _, x := range texts {
		set := byteset.Of(x)
		inverse := set.Not()
		for c := range 256 {
			in := strings.IndexByte(x, byte(c)) >= 0
			if set.Has(byte(c)) != in || inverse.Has(byte(c)) == in {
				t.Errorf("%q and byte %d: got %v", x, c, !in)
			}
		}
		for _, y := range texts {
			other := byteset.Of(y)
			if got, want := set.Meets(&other), strings.ContainsAny(string([]rune(latin(x))), latin(y)); got != want {
				t.Errorf("%q meets %q: got %v", x, y, got)
			}
			if got, want := set.Index(y), strings.IndexFunc(latin(y), func(r rune) bool { return strings.ContainsRune(latin(x), r) }); (got < 0) != (want < 0) {
				t.Errorf("%q in %q: got %d", x, y, got)
			}
			if set.Or(other) != byteset.Of(x+y) {
				t.Errorf("%q or %q", x, y)
			}
		}
	}
	if all := byteset.Range(0, 255); all != (byteset.Set{}).Not() {
		t.Errorf("all bytes: got %x", all)
	}
}

// latin is a text with a character for each byte.
func latin(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(rune(text[i]))
	}
	return b.String()
}
