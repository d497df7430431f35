//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/prefixmap"
)

// What the lists have room for. scrub.c has the same.
const (
	maxDenied  = 131_072
	maxAllowed = 2048
)

// list is one of the two lists of sources, as this process knows it.
type list struct {
	v4, v6  table
	most    int
	entries map[netip.Prefix]held
}

// held is what this process knows of an entry.
type held struct {
	until time.Time // zero: for good
	owner uint32
}

func (l *list) of(p netip.Prefix) *table {
	if p.Addr().Is4() {
		return &l.v4
	}
	return &l.v6
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
	value := kernelListed{Cause: e.Cause, Owner: e.Owner}
	if !e.Until.IsZero() {
		value.Until = s.clock.at(e.Until)
	}
	switch {
	case !known && len(l.entries) >= l.most:
		return fmt.Errorf("scrub: listing %s: %w", e.Prefix, ErrFull)
	case known: // it goes on counting
		var old kernelListed
		if err := l.of(e.Prefix).m.Lookup(prefixmap.Key(e.Prefix), &old); err == nil {
			value.Packets = old.Packets
		}
	default:
		if err := errors.Join(s.bits.add(e.Prefix, 1), s.widen()); err != nil {
			return err
		}
	}
	if err := l.of(e.Prefix).put(e.Prefix, value, !known); err != nil {
		if !known {
			err = errors.Join(err, s.bits.add(e.Prefix, -1))
		}
		return err
	}
	l.entries[e.Prefix] = held{e.Until, e.Owner}
	return nil
}

func (s *Scrubber) drop(l *list, p netip.Prefix) error {
	if _, known := l.entries[p]; !known {
		return nil
	}
	if err := l.of(p).delete(p); err != nil {
		return err
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
	o := &s.objects
	s.bits = newListedBits(o.Listed4, o.Listed6)
	of := func(m *ebpf.Map, at kernelList) table { return table{m: m, lengths: o.ListLengths, at: at} }
	s.allow = &list{v4: of(o.Allow4, kernelListLIST_ALLOW4), v6: of(o.Allow6, kernelListLIST_ALLOW6), most: maxAllowed}
	s.deny = &list{v4: of(o.Deny4, kernelListLIST_DENY4), v6: of(o.Deny6, kernelListLIST_DENY6), most: maxDenied}
	for _, l := range []*list{s.allow, s.deny} {
		l.entries = make(map[netip.Prefix]held)
		for _, t := range []*table{&l.v4, &l.v6} {
			if err := s.readTable(l, t); err != nil {
				return err
			}
		}
	}
	return s.widen()
}

// readTable takes in what one table of a list holds.
func (s *Scrubber) readTable(l *list, t *table) error {
	prefixes, err := prefixmap.List(t.m)
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		d, known, err := s.find(l, p)
		if err != nil {
			return err
		}
		if _, twice := l.entries[p]; !known || twice {
			continue
		}
		l.entries[p] = held{d.Until, d.Owner}
		t.count[p.Bits()]++
		if err := s.bits.add(p, 1); err != nil {
			return err
		}
	}
	return t.tell()
}

// find reads an entry from the kernel.
func (s *Scrubber) find(l *list, p netip.Prefix) (d Denied, known bool, err error) {
	var value kernelListed
	err = l.of(p).m.Lookup(prefixmap.Key(p), &value)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return Denied{}, false, nil
	}
	if err != nil {
		return Denied{}, false, fmt.Errorf("scrub: reading what is listed of %s: %w", p, err)
	}
	d = Denied{Prefix: p, Cause: value.Cause, Owner: value.Owner, Packets: value.Packets}
	if value.Until != 0 {
		d.Until = s.clock.time(value.Until)
	}
	return d, true, nil
}

func (s *Scrubber) all(l *list) (all []Denied, err error) {
	s.mu.Lock()
	prefixes := slices.Collect(maps.Keys(l.entries))
	s.mu.Unlock()
	for _, p := range prefixes {
		d, known, err := s.find(l, p)
		if err != nil {
			return nil, err
		}
		if known { // and not taken off meanwhile
			all = append(all, d)
		}
	}
	return all, nil
}

// Denied lists the deny list.
func (s *Scrubber) Denied() ([]Denied, error) { return s.all(s.deny) }

// Allowed lists the allow list.
func (s *Scrubber) Allowed() ([]Denied, error) { return s.all(s.allow) }

// Dropped says how many packets an entry of the deny list has dropped.
func (s *Scrubber) Dropped(p netip.Prefix) (packets uint64, listed bool) {
	d, listed, err := s.find(s.deny, p)
	return d.Packets, listed && err == nil
}
