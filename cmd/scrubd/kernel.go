//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/pinset"

	"github.com/theriac-edge/theriac/scrub"
)

// dataplane is what scrubd needs of scrub.Scrubber; tests have one without a
// kernel.
type dataplane interface {
	Attach(interfaces ...string) ([]pinset.Attachment, error)
	Attached() []string
	Apply(*scrub.Config) error
	Deny(scrub.Entry) error
	Lift(netip.Prefix) error
	Denied() ([]scrub.Denied, error)
	Dropped(netip.Prefix) (packets uint64, listed bool)
	Allow(netip.Prefix) error
	Disallow(netip.Prefix) error
	Allowed() ([]scrub.Denied, error)
	Tallies() ([]scrub.Tally, error)
	Samples(context.Context, func(scrub.Sample)) error
	Close() error
}

// kernel is where a dataplane comes from.
type kernel struct {
	load    func(pins string) (dataplane, error)
	running func(pins string) ([]string, error) // interfaces that one is attached to
	unload  func(pins string) error
	mount   func(pins string) (bool, error)
	giveUp  func(*account) error // privileges
	sysctls func([]scrub.Setting, sysctlMode) []sysctl
}

// linuxKernel is the real one.
var linuxKernel = kernel{
	load: func(pins string) (dataplane, error) {
		s, err := scrub.Load(pins)
		if err != nil {
			return nil, lacking(err, scrub.Features())
		}
		return s, nil
	},
	running: scrub.Running,
	unload:  pinset.Unload,
	mount:   mountBPFFS,
	giveUp:  renounce,
	sysctls: func(settings []scrub.Setting, mode sysctlMode) []sysctl { return examine(procSys, settings, mode) },
}

// lacking names what the kernel lacks, if that is why the dataplane could not be
// loaded.
func lacking(err error, features []features.Feature) error {
	for _, f := range features {
		if f.Missing != nil {
			return hint.Errorf(f.Try, "this kernel lacks what the dataplane needs, %s (%w): %w", f.What, f.Missing, err)
		}
	}
	return hint.New(err, "scrubd check")
}

// raised is a dataplane that is up.
type raised struct {
	plane    dataplane
	attached []pinset.Attachment
	undo     func() error // takes off what was not attached before
}

// raise brings the dataplane up, whole or not at all: what ran before goes on
// either way. ready is called before the first packet meets the new program.
func (k kernel) raise(f *file, ready func(dataplane) error) (r raised, err error) {
	for _, name := range f.Interfaces {
		if _, err := net.InterfaceByName(name); err != nil {
			return r, hint.Errorf("ip link", "finding the interface %s: %w", name, err)
		}
	}
	before, err := k.running(f.Daemon.Pins)
	if err != nil {
		return r, err
	}
	if r.plane, err = k.load(f.Daemon.Pins); err != nil {
		return r, err
	}
	r.undo = func() error {
		if len(before) == 0 {
			return errors.Join(r.plane.Close(), k.unload(f.Daemon.Pins))
		}
		_, err := r.plane.Attach(before...)
		return errors.Join(err, r.plane.Close())
	}
	if err = r.plane.Apply(&f.Config); err == nil {
		err = ready(r.plane)
	}
	if err == nil {
		r.attached, err = r.plane.Attach(f.Interfaces...)
	}
	if err != nil {
		return r, errors.Join(err, r.fallBack(before))
	}
	return r, nil
}

// fallBack undoes a start that failed before its last step, in which the
// dataplane attaches all or nothing.
func (r raised) fallBack(before []string) error {
	if len(before) > 0 {
		return r.plane.Close() // nothing was attached, and nothing taken off
	}
	if err := r.undo(); err != nil {
		return fmt.Errorf("undoing the start: %w", err)
	}
	return nil
}

// soon bounds what is done while the daemon ends.
const soon = 2 * time.Second
