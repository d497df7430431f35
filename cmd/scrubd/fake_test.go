//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// fakePlane is a dataplane without a kernel.
type fakePlane struct {
	mu       sync.Mutex
	on       []string
	applied  *scrub.Config
	deny     map[netip.Prefix]scrub.Denied
	allowed  map[netip.Prefix]uint32 // owners
	tallies  []scrub.Tally
	show     []scrub.Sample
	again    bool             // shows them over and over
	most     int              // entries
	refuse   map[string]error // by method
	closed   bool
	unloaded bool
}

func newFake() *fakePlane {
	return &fakePlane{
		deny: make(map[netip.Prefix]scrub.Denied), allowed: make(map[netip.Prefix]uint32), most: 1 << 20,
		refuse: make(map[string]error),
	}
}

// kernel is where the fake comes from.
func (f *fakePlane) kernel() kernel {
	return kernel{
		load:    func(string) (dataplane, error) { return f, f.refuse["load"] },
		running: func(string) ([]string, error) { return f.Attached(), nil },
		unload:  func(string) error { f.unloaded, f.on = true, nil; return nil },
		mount:   func(string) (bool, error) { return false, nil },
		giveUp:  func(*account) error { return f.refuse["giveUp"] },
		sysctls: func([]scrub.Setting, sysctlMode) []sysctl { return nil },
	}
}

func (f *fakePlane) Attach(interfaces ...string) (all []pinset.Attachment, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse["attach"]; err != nil {
		return nil, err
	}
	f.on = interfaces
	for i, name := range interfaces {
		all = append(all, pinset.Attachment{Interface: name, Native: i == 0})
	}
	return all, nil
}

func (f *fakePlane) Attached() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.on)
}

func (f *fakePlane) Apply(c *scrub.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse["apply"]; err != nil {
		return err
	}
	f.applied = c
	maps.DeleteFunc(f.deny, func(_ netip.Prefix, d scrub.Denied) bool { return d.Owner == scrub.OwnerFile })
	for _, p := range c.Deny {
		f.deny[p.Prefix] = scrub.Denied{Prefix: p.Prefix, Owner: scrub.OwnerFile}
	}
	maps.DeleteFunc(f.allowed, func(_ netip.Prefix, owner uint32) bool { return owner == scrub.OwnerFile })
	for _, p := range c.Allow {
		f.allowed[p.Prefix] = scrub.OwnerFile
	}
	return nil
}

func (f *fakePlane) Deny(e scrub.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.deny[e.Prefix]; !known && len(f.deny) >= f.most {
		return fmt.Errorf("scrub: listing %s: %w", e.Prefix, scrub.ErrFull)
	}
	f.deny[e.Prefix] = scrub.Denied{Prefix: e.Prefix, Until: e.Until, Cause: e.Cause, Owner: e.Owner, Packets: f.deny[e.Prefix].Packets}
	return nil
}

func (f *fakePlane) Lift(p netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.deny, p)
	return nil
}

func (f *fakePlane) Denied() ([]scrub.Denied, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Values(f.deny)), nil
}

func (f *fakePlane) Dropped(p netip.Prefix) (uint64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok := f.deny[p]
	return d.Packets, ok
}

// drop counts packets from a denied prefix.
func (f *fakePlane) drop(p string, packets uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	prefix := netip.MustParsePrefix(p)
	d := f.deny[prefix]
	d.Packets += packets
	f.deny[prefix] = d
}

// denies reports whether a prefix is denied, and by whom.
func (f *fakePlane) denies(p string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok := f.deny[netip.MustParsePrefix(p)]
	if !ok {
		return ""
	}
	return ownerNames[d.Owner]
}

func (f *fakePlane) Allow(p netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allowed[p] = 0
	return nil
}

func (f *fakePlane) Disallow(p netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.allowed, p)
	return nil
}

func (f *fakePlane) Allowed() (all []scrub.Denied, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, owner := range f.allowed {
		all = append(all, scrub.Denied{Prefix: p, Owner: owner})
	}
	return all, nil
}

func (f *fakePlane) Tallies() ([]scrub.Tally, error) { return f.tallies, f.refuse["tallies"] }

func (f *fakePlane) Samples(ctx context.Context, call func(scrub.Sample)) error {
	for {
		for _, s := range f.show {
			call(s)
		}
		wait := time.Hour
		if f.again {
			wait = 20 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (f *fakePlane) Close() error {
	if f.closed {
		return errors.New("closed twice")
	}
	f.closed = true
	return nil
}

// prefix reads a prefix that is one.
func prefix(t *testing.T, text string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
