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

// Sizes of the lists, as in bpf/listed.h.
const (
	maxDenied  = 131_072
	maxAllowed = 2048
)

// list is one of the two lists of sources, as this process knows it.
type list struct {
	v4, v6  table
	most    int
	entries map[netip.Prefix]entryState
}

// entryState is what this process knows of an entry.
type entryState struct {
	until time.Time // zero: for good
	owner uint32
}

func (l *list) of(p netip.Prefix) *table {
	if p.Addr().Is4() {
		return &l.v4
	}
	return &l.v6
}

// Deny drops every packet from a prefix to a protected address. It ends at
// e.Until even if this process is gone; the entry takes up room until Lift removes
// it. If the list has no room, it returns ErrFull.
func (s *Scrubber) Deny(e Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(s.deny, e)
}

// Lift removes a prefix from the deny list.
func (s *Scrubber) Lift(p netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(s.deny, p)
}

// Allow passes every packet from a prefix until then, even if the deny list has it;
// zero: for good.
func (s *Scrubber) Allow(p netip.Prefix, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(s.allow, Entry{Prefix: p, Until: until})
}

// Disallow removes a prefix from the allow list.
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
	case known: // keep its count
		var old kernelListed
		if err := l.of(e.Prefix).m.Lookup(prefixmap.Key(e.Prefix), &old); err == nil {
			value.Packets = old.Packets
		}
	default:
		if err := errors.Join(s.bits.add(e.Prefix, 1), s.setWideFlag()); err != nil {
			return err
		}
	}
	if err := l.of(e.Prefix).put(e.Prefix, value, !known); err != nil {
		if !known {
			err = errors.Join(err, s.bits.add(e.Prefix, -1))
		}
		return err
	}
	l.entries[e.Prefix] = entryState{e.Until, e.Owner}
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
	return errors.Join(s.bits.add(p, -1), s.setWideFlag())
}

// setWideFlag tells scrub.c whether a prefix is listed that has no bit in the
// bitmaps.
func (s *Scrubber) setWideFlag() error {
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

// syncFileLists puts the policy file's lists in force. Entries of other owners
// stay.
func (s *Scrubber) syncFileLists(c *Config) error {
	return errors.Join(s.syncFileList(s.allow, c.Allow), s.syncFileList(s.deny, c.Deny))
}

func (s *Scrubber) syncFileList(l *list, wanted []Prefix) error {
	stays := make(map[netip.Prefix]bool)
	for _, p := range wanted {
		stays[p.Prefix] = true
	}
	for p, e := range l.entries { // first, to make room
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

// restoreLists reads the entries that the kernel has.
func (s *Scrubber) restoreLists() error {
	o := &s.objects
	s.bits = newBitmapFilter(o.Listed4, o.Listed6)
	of := func(m *ebpf.Map, at kernelList) table { return table{m: m, lengths: o.ListLengths, at: at} }
	s.allow = &list{v4: of(o.Allow4, kernelListLIST_ALLOW4), v6: of(o.Allow6, kernelListLIST_ALLOW6), most: maxAllowed}
	s.deny = &list{v4: of(o.Deny4, kernelListLIST_DENY4), v6: of(o.Deny6, kernelListLIST_DENY6), most: maxDenied}
	for _, l := range []*list{s.allow, s.deny} {
		l.entries = make(map[netip.Prefix]entryState)
		for _, t := range []*table{&l.v4, &l.v6} {
			if err := s.restoreTable(l, t); err != nil {
				return err
			}
		}
	}
	return s.setWideFlag()
}

// restoreTable reads the entries of one table of a list.
func (s *Scrubber) restoreTable(l *list, t *table) error {
	prefixes, err := prefixmap.List(t.m)
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		d, known, err := s.find(l, p)
		if err != nil {
			return err
		}
		if _, duplicate := l.entries[p]; !known || duplicate {
			continue
		}
		l.entries[p] = entryState{d.Until, d.Owner}
		t.count[p.Bits()]++
		if err := s.bits.add(p, 1); err != nil {
			return err
		}
	}
	return t.writeLengths()
}

// find reads an entry from the kernel.
func (s *Scrubber) find(l *list, p netip.Prefix) (d Denied, known bool, err error) {
	var value kernelListed
	err = l.of(p).m.Lookup(prefixmap.Key(p), &value)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return Denied{}, false, nil
	}
	if err != nil {
		return Denied{}, false, fmt.Errorf("scrub: reading the entry of %s: %w", p, err)
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
		if known { // and not removed meanwhile
			all = append(all, d)
		}
	}
	return all, nil
}

// Denied lists the deny list.
func (s *Scrubber) Denied() ([]Denied, error) { return s.all(s.deny) }

// Allowed lists the allow list.
func (s *Scrubber) Allowed() ([]Denied, error) { return s.all(s.allow) }

// Dropped returns how many packets an entry of the deny list has dropped.
func (s *Scrubber) Dropped(p netip.Prefix) (packets uint64, listed bool) {
	d, listed, err := s.find(s.deny, p)
	return d.Packets, listed && err == nil
}
