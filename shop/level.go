package shop

import (
	"fmt"
	"strconv"
)

// Level is how hard a shop is attacked. It changes while an edge runs, and is the same on
// every edge of a tier.
type Level uint8

// The levels.
const (
	Calm   Level = iota // no visitor is challenged
	Raised              // suspicious clients are challenged
	Attack              // unknown visitors are challenged on pages that cost the shop something
	Heavy               // all but partners are challenged
	Siege               // the same, at a higher price
	levels
)

var levelNames = [...]string{Calm: "calm", Raised: "raised", Attack: "attack", Heavy: "heavy attack", Siege: "siege"}

// A level added above and not named here does not compile.
var _ = [1]struct{}{}[len(levelNames)-int(levels)]

// String returns the level as operators read it: its number and its name.
func (l Level) String() string { return strconv.Itoa(int(l)) + " " + levelNames[l] }

// Levels is the number of levels; a Level is below it.
const Levels = int(levels)

// ParseLevel parses the number of a level.
func ParseLevel(text string) (Level, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n >= uint64(levels) {
		return 0, fmt.Errorf("invalid level %q: want 0 (calm), 1 (raised), 2 (attack), 3 (heavy attack) or 4 (siege)", text)
	}
	return Level(n), nil
}

// Trust is what is known of a visitor, see Visit.Trust.
type Trust uint8

// What may be known of a visitor, from the least.
const (
	Suspicious Trust = iota // behaves unlike a browser, or is near its limit
	Unknown
	Known  // was a customer in quiet times
	Passed // has proven work, and has some of its budget left
)

var trustNames = [...]string{Suspicious: "suspicious", Unknown: "unknown", Known: "known", Passed: "passed"}

func (t Trust) String() string { return trustNames[t] }
