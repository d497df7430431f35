package counters

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// entry is a fact as it comes from the store.
type entry struct {
	name, value string
	stamp       int64         // when it was told, in milliseconds of the store's clock
	age         time.Duration // how long ago that is
	left        time.Duration // how long it goes on to hold; 0: until told otherwise, negative: it is over
	version     int64         // of all facts, with this one; 0 in the hash, which has one for all
}

// known is the entry as an edge keeps it.
func (e *entry) known(now time.Time) known {
	k := known{Fact: Fact{Value: e.value, Told: now.Add(-e.age)}, stamp: e.stamp}
	if e.left != 0 {
		k.Until = now.Add(e.left)
	}
	return k
}

var errEntry = errors.New("the store's entry of a fact cannot be read")

// parseNews reads what tell.lua published or returned: "version stamp age left
// name value", times in milliseconds.
func parseNews(text string) (e entry, err error) {
	var n [4]int64
	for i := range n {
		if n[i], text, err = parseNumber(text); err != nil {
			return entry{}, err
		}
	}
	e = entry{version: n[0], stamp: n[1], age: millis(n[2]), left: millis(n[3])}
	e.name, e.value, _ = strings.Cut(text, " ")
	return e, e.check()
}

// parseField reads one field of the hash: "stamp until value". now is the
// store's time.
func parseField(name, text string, now int64) (e entry, err error) {
	var until int64
	if e.stamp, text, err = parseNumber(text); err != nil {
		return entry{}, err
	}
	if until, text, err = parseNumber(text); err != nil {
		return entry{}, err
	}
	e.name, e.value, e.age = name, text, millis(max(0, now-e.stamp))
	switch {
	case until > now:
		e.left = millis(until - now)
	case until != 0:
		e.left = -1
	}
	return e, e.check()
}

// check refuses what no edge would have told.
func (e *entry) check() error {
	if e.stamp == 0 || check(e.name, e.value, 0) != nil {
		return errEntry
	}
	return nil
}

// parseNumber reads a whole number and the space behind it.
func parseNumber(text string) (n int64, rest string, err error) {
	digits, rest, ok := strings.Cut(text, " ")
	n, err = strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 {
		return 0, "", errEntry
	}
	return n, rest, nil
}

// millis makes a time of milliseconds; one that no clock shows is cut.
func millis(n int64) time.Duration {
	return time.Duration(min(n, int64(maxLife/time.Millisecond))) * time.Millisecond
}

// maxLife is the longest that a fact may hold: a hundred years.
const maxLife = 100 * 365 * 24 * time.Hour
