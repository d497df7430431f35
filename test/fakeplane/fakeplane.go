// Package fakeplane is a dataplane without a kernel, for tests of what stands above
// one: scrubd's deny list, its daemon and its commands.
//
// It keeps lists and counts as scrub.Scrubber does, and looks at no packet. A test
// sets its fields before the code under test runs; a method named in Refuse fails.
package fakeplane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// A Plane is a dataplane without a kernel. Its methods are those of scrub.Scrubber
// and may be called concurrently; its fields may not be changed meanwhile.
type Plane struct {
	mu  sync.Mutex
	on  []string
	off bool

	Applied    *scrub.Config
	Opened     scrub.Window // of hand-on
	Denies     map[netip.Prefix]scrub.Denied
	Allows     map[netip.Prefix]uint32 // owners
	Counts     []scrub.Tally
	Show       []scrub.Sample
	Again      bool             // show them over and over
	MaxEntries int              // of the deny list
	Refuse     map[string]error // by method: attach, apply, tallies
	Unloaded   bool
}

// New returns an empty one.
func New() *Plane {
	return &Plane{
		Denies: make(map[netip.Prefix]scrub.Denied), Allows: make(map[netip.Prefix]uint32), MaxEntries: 1 << 20,
		Refuse: make(map[string]error),
	}
}

// Unload takes it off all interfaces.
func (f *Plane) Unload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Unloaded, f.on = true, nil
}

// Closed reports whether it was closed.
func (f *Plane) Closed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.off
}

// Drop counts packets from a denied prefix.
func (f *Plane) Drop(prefix string, packets uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := netip.MustParsePrefix(prefix)
	d := f.Denies[p]
	d.Packets += packets
	f.Denies[p] = d
}

// OwnerOf returns the owner of a denied prefix.
func (f *Plane) OwnerOf(prefix string) (owner uint32, denied bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, denied := f.Denies[netip.MustParsePrefix(prefix)]
	return d.Owner, denied
}

// Attach attaches it to interfaces, the first of which runs it natively.
func (f *Plane) Attach(interfaces ...string) (all []pinset.Attachment, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.Refuse["attach"]; err != nil {
		return nil, err
	}
	f.on = interfaces
	for i, name := range interfaces {
		all = append(all, pinset.Attachment{Interface: name, Index: i + 1, Native: i == 0})
	}
	return all, nil
}

// AttachLater fails: nothing comes and goes where there is no kernel.
func (f *Plane) AttachLater(string) (pinset.Attachment, error) {
	return pinset.Attachment{}, pinset.ErrUnloaded
}

// Own does nothing.
func (f *Plane) Own(int, int) error { return nil }

// Attached has the interfaces that it is attached to, by index.
func (f *Plane) Attached() map[int]string {
	names := make(map[int]string)
	for i, name := range f.Interfaces() {
		names[i+1] = name
	}
	return names
}

// Interfaces lists the interfaces that it is attached to.
func (f *Plane) Interfaces() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.on)
}

// Apply puts a policy file in force.
func (f *Plane) Apply(c *scrub.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.Refuse["apply"]; err != nil {
		return err
	}
	f.Applied = c
	maps.DeleteFunc(f.Denies, func(_ netip.Prefix, d scrub.Denied) bool { return d.Owner == scrub.OwnerFile })
	for _, p := range c.Deny {
		f.Denies[p.Prefix] = scrub.Denied{Prefix: p.Prefix, Owner: scrub.OwnerFile}
	}
	maps.DeleteFunc(f.Allows, func(_ netip.Prefix, owner uint32) bool { return owner == scrub.OwnerFile })
	for _, p := range c.Allow {
		f.Allows[p.Prefix] = scrub.OwnerFile
	}
	return nil
}

// SetWindow opens a window of hand-on, or closes it.
func (f *Plane) SetWindow(w scrub.Window) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Opened = w
	return f.Refuse["set window"]
}

// Window is the window that is open.
func (f *Plane) Window() (scrub.Window, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Opened, nil
}

// Deny adds an entry to the deny list, or replaces it.
func (f *Plane) Deny(e scrub.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.Denies[e.Prefix]; !known && len(f.Denies) >= f.MaxEntries {
		return fmt.Errorf("scrub: listing %s: %w", e.Prefix, scrub.ErrFull)
	}
	f.Denies[e.Prefix] = scrub.Denied{Prefix: e.Prefix, Until: e.Until, Cause: e.Cause, Owner: e.Owner, Packets: f.Denies[e.Prefix].Packets}
	return nil
}

// Lift removes a prefix from the deny list.
func (f *Plane) Lift(p netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.Denies, p)
	return nil
}

// Denied lists the deny list.
func (f *Plane) Denied() ([]scrub.Denied, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Values(f.Denies)), nil
}

// Dropped returns what an entry of the deny list has dropped.
func (f *Plane) Dropped(p netip.Prefix) (packets uint64, listed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, listed := f.Denies[p]
	return d.Packets, listed
}

// Allow adds a prefix to the allow list.
func (f *Plane) Allow(p netip.Prefix, _ time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Allows[p] = 0
	return nil
}

// Disallow removes a prefix from the allow list.
func (f *Plane) Disallow(p netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.Allows, p)
	return nil
}

// Allowed lists the allow list.
func (f *Plane) Allowed() (all []scrub.Denied, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, owner := range f.Allows {
		all = append(all, scrub.Denied{Prefix: p, Owner: owner})
	}
	return all, nil
}

// Tallies returns Counts.
func (f *Plane) Tallies() ([]scrub.Tally, error) { return f.Counts, f.Refuse["tallies"] }

// Samples calls back with each sample of Show.
func (f *Plane) Samples(ctx context.Context, call func(scrub.Sample)) error {
	for {
		for _, s := range f.Show {
			call(s)
		}
		wait := time.Hour
		if f.Again {
			wait = 20 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Close fails the second time.
func (f *Plane) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return errors.New("closed twice")
	}
	f.off = true
	return nil
}
