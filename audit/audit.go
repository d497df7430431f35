// Package audit keeps the trail of what operators do to a running edge or scrubd:
// one act is one log line, and the last ones are in the status.
//
// It stands below the edge's admin API and scrubd's socket. The operator is the user whom the
// kernel names at the other end of the connection; nothing that a client sends is
// trusted for that. What cannot be found out is Unknown, and no act waits for it.
package audit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// An Act is what an operator did.
type Act struct {
	At    time.Time `json:"at"`
	Act   string    `json:"act"`            // such as ban
	Who   string    `json:"who"`            // see Operator
	What  string    `json:"what,omitempty"` // such as the prefix, as the operator named it
	Shop  string    `json:"shop,omitempty"` // empty: all, or none
	Why   string    `json:"why,omitempty"`  // what the operator said of it
	Until time.Time `json:"until,omitzero"` // zero: it does not end
	Node  string    `json:"node,omitempty"` // the edge that was asked
}

// Message is the text of an act's log line.
const Message = "operator act"

// Fields are the keys and values of an act's log line, for a zap.SugaredLogger or a
// slog.Logger. What is empty is left out.
func (a Act) Fields() []any {
	fields := []any{"act", a.Act, "who", a.Who}
	for _, f := range []struct{ key, value string }{
		{"what", a.What},
		{"shop", a.Shop},
		{"why", a.Why},
		{"node", a.Node},
	} {
		if f.value != "" {
			fields = append(fields, f.key, f.value)
		}
	}
	if !a.Until.IsZero() {
		fields = append(fields, "until", a.Until)
	}
	return fields
}

// String is an act as a person reads it.
func (a Act) String() string {
	words := []string{a.Who + ":", a.Act, a.Shop, a.What}
	if !a.Until.IsZero() {
		words = append(words, "until", a.Until.Local().Format(time.DateTime))
	}
	if a.Why != "" {
		words = append(words, "("+a.Why+")")
	}
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}

// Kept is how many acts a Trail keeps.
const Kept = 100

// A Trail keeps the last acts. Its zero value is empty, and its methods may be
// called concurrently.
type Trail struct {
	mu   sync.Mutex
	acts []Act
}

// Add keeps an act, and drops the oldest if there are too many.
func (t *Trail) Add(a Act) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.acts) == Kept {
		t.acts = slices.Delete(t.acts, 0, 1)
	}
	t.acts = append(t.acts, a)
}

// Acts returns what is kept, the newest first. It is never nil.
func (t *Trail) Acts() []Act {
	t.mu.Lock()
	defer t.mu.Unlock()
	acts := append([]Act{}, t.acts...)
	slices.Reverse(acts)
	return acts
}

// CheckWhy rejects a reason that would not fit on one line of a log or a terminal.
func CheckWhy(why string, longest int) error {
	if len(why) > longest || strings.ContainsFunc(why, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("invalid reason: want one line of at most %d bytes", longest)
	}
	return nil
}
