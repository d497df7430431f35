//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
)

// Denied is an entry of the deny list.
type Denied struct {
	Prefix  netip.Prefix `json:"prefix"`
	Until   time.Time    `json:"until,omitzero"` // zero: for good
	Cause   uint32       `json:"cause"`          // as it was given
	Owner   uint32       `json:"owner"`          // as it was given
	Packets uint64       `json:"packets"`        // dropped by it
}

// Entry says who is denied, until when, and what its owner wants to remember of
// it.
type Entry struct {
	Prefix       netip.Prefix
	Until        time.Time // zero: for good
	Cause, Owner uint32
}

// ErrFull is why a source is not denied.
var ErrFull = errors.New("the deny list is full")

// An LPM trie needs room for nodes between its entries: at the most as many.
const (
	maxDenied  = 131_072
	maxAllowed = 2048
)

// list is one of the two lists of sources, as this process knows it.
type list struct {
	v4, v6  *ebpf.Map
	most    int
	entries map[netip.Prefix]held
}

// held is what this process knows of an entry.
type held struct {
	until time.Time // zero: for good
	owner uint32
}

func (l *list) of(p netip.Prefix) *ebpf.Map {
	if p.Addr().Is4() {
		return l.v4
	}
	return l.v6
}

// Deny drops what comes from a prefix. The kernel itself ends that in time,
// also if this process is gone. The entry takes up room until it is lifted.
func (s *Scrubber) Deny(e Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(s.deny, e)
}

// Lift takes a prefix off the deny list.
func (s *Scrubber) Lift(p netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(s.deny, p)
}

// Allow passes everything that comes from a prefix, whatever else is said of
// it.
func (s *Scrubber) Allow(p netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(s.allow, Entry{Prefix: p})
}

// Disallow takes a prefix off the allow list.
func (s *Scrubber) Disallow(p netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(s.allow, p)
}

func (s *Scrubber) put(l *list, e Entry) error {
	was, known := l.entries[e.Prefix]
	if known && was.until.Equal(e.Until) && was.owner == e.Owner {
		return nil
	}
	value := kernelListed{Cause: e.Cause, Owner: e.Owner, Bits: uint32(e.Prefix.Bits())}
	if !e.Until.IsZero() {
		value.Until = s.clock.at(e.Until)
	}
	switch {
	case !known && len(l.entries) >= l.most:
		return fmt.Errorf("scrub: listing %s: %w", e.Prefix, ErrFull)
	case known: // it goes on counting
		var old kernelListed
		if err := l.of(e.Prefix).Lookup(keyOf(e.Prefix), &old); err == nil {
			value.Packets = old.Packets
		}
	default:
		if err := errors.Join(s.bits.add(e.Prefix, 1), s.widen()); err != nil {
			return err
		}
	}
	if err := l.of(e.Prefix).Put(keyOf(e.Prefix), value); err != nil {
		if !known {
			err = errors.Join(err, s.bits.add(e.Prefix, -1))
		}
		return fmt.Errorf("scrub: listing %s: %w", e.Prefix, err)
	}
	l.entries[e.Prefix] = held{e.Until, e.Owner}
	return nil
}

func (s *Scrubber) drop(l *list, p netip.Prefix) error {
	if _, known := l.entries[p]; !known {
		return nil
	}
	if err := l.of(p).Delete(keyOf(p)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("scrub: taking %s off the list: %w", p, err)
	}
	delete(l.entries, p)
	return errors.Join(s.bits.add(p, -1), s.widen())
}

// widen tells scrub.c whether prefixes are listed for which its bits say
// nothing.
func (s *Scrubber) widen() error {
	wide := uint8(0)
	if s.bits.wide > 0 {
		wide = 1
	}
	c, err := s.settings()
	if err != nil || c.Wide6 == wide {
		return err
	}
	c.Wide6 = wide
	return s.set(c)
}

// OwnerFile owns what stands in the policy file.
const OwnerFile = ^uint32(0)

// permanent puts the policy file's own lists in force. What others have listed
// stays.
func (s *Scrubber) permanent(c *Config) error {
	return errors.Join(s.own(s.allow, c.Allow), s.own(s.deny, c.Deny))
}

func (s *Scrubber) own(l *list, wanted []Prefix) error {
	stays := make(map[netip.Prefix]bool)
	for _, p := range wanted {
		stays[p.Prefix] = true
	}
	for p, e := range l.entries { // first, so that these do not take up the room
		if e.owner != OwnerFile || stays[p] {
			continue
		}
		if err := s.drop(l, p); err != nil {
			return err
		}
	}
	for p := range stays {
		if err := s.put(l, Entry{Prefix: p, Owner: OwnerFile}); err != nil {
			return err
		}
	}
	return nil
}

// readLists takes in what is listed already.
func (s *Scrubber) readLists() error {
	s.bits = newListedBits(s.objects.Listed4, s.objects.Listed6)
	s.deny = &list{v4: s.objects.Deny4, v6: s.objects.Deny6, most: maxDenied, entries: make(map[netip.Prefix]held)}
	s.allow = &list{v4: s.objects.Allow4, v6: s.objects.Allow6, most: maxAllowed, entries: make(map[netip.Prefix]held)}
	for _, l := range []*list{s.deny, s.allow} {
		all, err := l.read(s.clock)
		if err != nil {
			return err
		}
		for _, d := range all {
			l.entries[d.Prefix] = held{d.Until, d.Owner}
			if err := s.bits.add(d.Prefix, 1); err != nil {
				return err
			}
		}
	}
	return s.widen()
}

// read reads all entries from the kernel.
func (l *list) read(c clock) (all []Denied, err error) {
	for _, m := range []*ebpf.Map{l.v4, l.v6} {
		prefixes, err := keysOf(m)
		if err != nil {
			return nil, err
		}
		for _, p := range prefixes {
			var value kernelListed
			if err := m.Lookup(keyOf(p), &value); err != nil || value.Bits != uint32(p.Bits()) {
				continue // taken off meanwhile
			}
			d := Denied{Prefix: p, Cause: value.Cause, Owner: value.Owner, Packets: value.Packets}
			if value.Until != 0 {
				d.Until = c.time(value.Until)
			}
			all = append(all, d)
		}
	}
	return all, nil
}

// Denied lists the deny list.
func (s *Scrubber) Denied() ([]Denied, error) { return s.deny.read(s.clock) }

// Allowed lists the allow list.
func (s *Scrubber) Allowed() ([]Denied, error) { return s.allow.read(s.clock) }

// Dropped says how many packets an entry of the deny list has dropped.
func (s *Scrubber) Dropped(p netip.Prefix) (packets uint64, listed bool) {
	var value kernelListed
	err := s.deny.of(p).Lookup(keyOf(p), &value)
	if err != nil || value.Bits != uint32(p.Bits()) { // there is none, or one of a net around it
		return 0, false
	}
	return value.Packets, true
}
