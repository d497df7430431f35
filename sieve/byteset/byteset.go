// Package byteset has sets of bytes, small enough to be compared in four steps.
package byteset

// Set is a set of bytes. The zero Set is empty.
type Set [4]uint64

// Of returns the set of the bytes of a text.
func Of(text string) (s Set) {
	for i := range len(text) {
		s[text[i]>>6] |= 1 << (text[i] & 63)
	}
	return s
}

// Range returns the set of the bytes from first to last.
func Range(first, last byte) (s Set) {
	for c := int(first); c <= int(last); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
	return s
}

// Add adds a byte.
func (s *Set) Add(c byte) { s[c>>6] |= 1 << (c & 63) }

// Has reports whether a byte is in the set.
func (s *Set) Has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

// Or returns all bytes of either set.
func (s Set) Or(t Set) Set { return Set{s[0] | t[0], s[1] | t[1], s[2] | t[2], s[3] | t[3]} }

// Not returns all other bytes.
func (s Set) Not() Set { return Set{^s[0], ^s[1], ^s[2], ^s[3]} }

// Meets reports whether the sets have a byte in common.
func (s *Set) Meets(t *Set) bool { return s[0]&t[0]|s[1]&t[1]|s[2]&t[2]|s[3]&t[3] != 0 }

// Index returns where the first byte of the set stands in a text, or -1.
func (s *Set) Index(text string) int {
	for i := range len(text) {
		if s[text[i]>>6]&(1<<(text[i]&63)) != 0 {
			return i
		}
	}
	return -1
}

// All are sets that a text must each have a byte of.
type All []Set

// MetBy reports whether a text with these bytes may have a byte of each set.
func (a All) MetBy(bytes *Set) bool {
	for i := range a {
		if !a[i].Meets(bytes) {
			return false
		}
	}
	return true
}
