package lease

import (
	"strconv"
	"strings"
	"time"
)

// Role is what an edge is to the others.
type Role uint8

// The roles.
const (
	Alone     Role = iota // the store cannot be asked: nobody leads, each edge decides for itself
	Following             // another edge leads, or one is about to
	Leading
)

func (r Role) String() string { return [...]string{"alone", "following", "leading"}[r] }

// State is which edge leads.
type State struct {
	Role Role

	// The name of the edge that leads. Empty: none does yet.
	Leader string

	// The number of this leadership, higher than each before it. 0: it is not known.
	Token int64
}

// standing is what the store has said.
type standing struct {
	value string
	token int64
	edge  string    // that leads
	since time.Time // since when the value is the same, at the latest
	asked time.Time // when the question was asked to which it was the answer
	top   int64     // the highest token seen
}

// state is which edge leads, as an edge sees it.
func (s *standing) state(now time.Time, edge string, over bool) State {
	age := now.Sub(s.asked)
	switch {
	case s.asked.IsZero() || age >= life || over:
		return State{}
	case s.edge != edge:
		return State{Following, nameOf(s.edge), s.token}
	case age >= holds:
		return State{Role: Following}
	}
	return State{Leading, nameOf(edge), s.token}
}

func nameOf(edge string) string { return edge[:max(0, strings.LastIndexByte(edge, '/'))] }

// parse reads what stands in the store. What is malformed is the lease of an edge that never
// renews it.
func parse(value string) standing {
	s := standing{value: value}
	token, rest, _ := strings.Cut(value, " ")
	s.token, _ = strconv.ParseInt(token, 10, 64)
	_, s.edge, _ = strings.Cut(rest, " ")
	return s
}
