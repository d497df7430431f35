// Package words finds many words in one pass over a text: which sets of words have one in it.
// It is the automaton of Aho and Corasick (Efficient String Matching, 1975), with a table of
// all transitions. The case of ASCII letters does not matter, as it does not to Coraza's @pm.
package words

import (
	"errors"
	"slices"
)

// Finder knows its words for good. It is safe for concurrent use.
type Finder struct {
	classes [256]uint8 // bytes that no word tells apart are one; 0 is in no word
	width   int        // how many classes there are
	next    []uint16   // state*width + class
	found   []uint16   // by state: an index into sets
	sets    []Hits
	words   int // 64 sets of words each
}

// Hits has a bit for each set of words.
type Hits []uint64

// Has reports whether a word of the set was found.
func (h Hits) Has(set int) bool { return h[set/64]&(1<<(set%64)) != 0 }

// maxStates is how many fit into 16 bits.
const maxStates = 1 << 16

// New returns a Finder of the words of these sets, none of which may be empty.
func New(sets [][]string) (*Finder, error) {
	b := &builder{Finder: &Finder{width: 1, words: len(sets)/64 + 1}, nodes: []node{{}}}
	b.classify(sets)
	for i, set := range sets {
		for _, word := range set {
			if word == "" {
				return nil, errors.New("words: an empty word")
			}
			if err := b.insert(word, i); err != nil {
				return nil, err
			}
		}
	}
	b.connect()
	return b.Finder, nil
}

// Size returns the bytes of the table.
func (f *Finder) Size() int { return 2 * (len(f.next) + len(f.found)) }

// Find notes in hits, which it makes longer if need be, which sets have a word in the text.
func (f *Finder) Find(text string, hits Hits) Hits {
	hits = slices.Grow(hits[:0], f.words)[:f.words]
	clear(hits)
	state := 0
	for i := range len(text) {
		state = int(f.next[state*f.width+int(f.classes[text[i]])])
		if found := f.found[state]; found != 0 {
			for j, bits := range f.sets[found] {
				hits[j] |= bits
			}
		}
	}
	return hits
}

// builder is a Finder in the making: the tree of its words.
type builder struct {
	*Finder

	nodes []node
}

type node struct {
	children map[uint8]int
	hits     Hits
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func (b *builder) classify(sets [][]string) {
	for _, set := range sets {
		for _, word := range set {
			for i := range len(word) {
				if c := fold(word[i]); b.classes[c] == 0 && b.width < 256 {
					b.classes[c] = uint8(b.width)
					b.width++
				}
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		b.classes[c] = b.classes[fold(c)]
	}
}

func (b *builder) insert(word string, set int) error {
	at := 0
	for i := range len(word) {
		class := b.classes[word[i]]
		child, ok := b.nodes[at].children[class]
		if !ok {
			if child = len(b.nodes); child == maxStates {
				return errors.New("words: too many words")
			}
			b.nodes = append(b.nodes, node{})
			if b.nodes[at].children == nil {
				b.nodes[at].children = make(map[uint8]int)
			}
			b.nodes[at].children[class] = child
		}
		at = child
	}
	if b.nodes[at].hits == nil {
		b.nodes[at].hits = make(Hits, b.words)
	}
	b.nodes[at].hits[set/64] |= 1 << (set % 64)
	return nil
}

// connect fills in the table, nearer states first: where a word does not go on, the longest
// end of what was read that begins a word does.
func (b *builder) connect() {
	b.next = make([]uint16, len(b.nodes)*b.width)
	b.found = make([]uint16, len(b.nodes))
	b.sets = []Hits{make(Hits, b.words)}
	fallback := make([]int, len(b.nodes))
	for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		b.inherit(at, fallback[at])
		for class := range b.width {
			back := 0
			if at != 0 {
				back = int(b.next[fallback[at]*b.width+class])
			}
			child, ok := b.nodes[at].children[uint8(class)]
			if ok {
				fallback[child] = back
				queue = append(queue, child)
			} else {
				child = back
			}
			b.next[at*b.width+class] = uint16(child)
		}
	}
}

// inherit adds the words that end here and are the end of a longer one.
func (b *builder) inherit(at, back int) {
	hits := b.nodes[at].hits
	shorter := b.sets[b.found[back]]
	switch {
	case at == 0 || hits == nil:
		b.found[at] = b.found[back]
		return
	case b.found[back] != 0:
		for i := range hits {
			hits[i] |= shorter[i]
		}
	}
	i := slices.IndexFunc(b.sets, func(set Hits) bool { return slices.Equal(set, hits) })
	if i < 0 {
		i = len(b.sets)
		b.sets = append(b.sets, hits)
	}
	b.found[at] = uint16(i)
}
