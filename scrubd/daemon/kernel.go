//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// Dataplane is what scrubd needs of scrub.Scrubber; tests have one without a
// kernel.
type Dataplane interface {
	denylist.Kernel
	Attach(interfaces ...string) ([]pinset.Attachment, error)
	AttachLater(name string) (pinset.Attachment, error)
	Own(uid, gid int) error
	Attached() map[int]string
	Apply(*scrub.Config) error
	SetWindow(scrub.Window) error
	Window() (scrub.Window, error)
	Tallies() ([]scrub.Tally, error)
	Samples(context.Context, func(scrub.Sample)) error
	Close() error
}

// Kernel is what a start needs of the host: where a dataplane comes from, and what
// takes privileges.
type Kernel struct {
	Load           func(pins string) (Dataplane, error)
	Running        func(pins string) (interfaces []string, err error) // that a dataplane is attached to
	Unload         func(pins string) error
	Mount          func(pins string) (mounted bool, err error)
	DropPrivileges func(*peersock.Account) error
	Sysctls        func([]scrub.Setting, policyfile.SysctlMode) []hostcheck.Sysctl
}

// Linux is the real one.
var Linux = Kernel{
	Load: func(pins string) (Dataplane, error) {
		s, err := scrub.Load(pins)
		if err != nil {
			return nil, missingFeature(err, scrub.Features())
		}
		return s, nil
	},
	Running:        scrub.Running,
	Unload:         pinset.Unload,
	Mount:          hostcheck.MountBPFFS,
	DropPrivileges: hostcheck.DropPrivileges,
	Sysctls:        hostcheck.Sysctls,
}

// missingFeature names the feature that the kernel lacks, if that is why the
// dataplane could not be loaded.
func missingFeature(err error, all []features.Feature) error {
	for _, f := range all {
		if f.Missing != nil {
			return hint.Errorf(f.Try, "this kernel lacks a feature that the dataplane needs, %s (%w): %w", f.What, f.Missing, err)
		}
	}
	return hint.New(err, "scrubd check")
}

// running is a dataplane that is up.
type running struct {
	plane    Dataplane
	attached []pinset.Attachment
	undo     func() error // detaches what was not attached before
}

// bringUp loads and attaches the dataplane, whole or not at all: one that ran
// before goes on either way. ready is called before the first packet meets the new
// program.
func (k Kernel) bringUp(f *policyfile.File, ready func(Dataplane) error) (r running, err error) {
	present, missing, err := pinset.Present(f.Interfaces)
	if err != nil {
		return r, err
	}
	for _, name := range present {
		if _, err := pinset.EthernetInterface(name); err != nil {
			return r, err
		}
	}
	before, err := k.Running(f.Daemon.Pins)
	if err != nil {
		return r, err
	}
	if len(missing) > 0 { // one of these may be it, under another name
		present = union(present, before)
	}
	if r.plane, err = k.Load(f.Daemon.Pins); err != nil {
		return r, err
	}
	r.undo = func() error {
		if len(before) == 0 {
			return errors.Join(r.plane.Close(), k.Unload(f.Daemon.Pins))
		}
		_, err := r.plane.Attach(before...)
		return errors.Join(err, r.plane.Close())
	}
	if err = r.plane.Apply(&f.Config); err == nil {
		err = ready(r.plane)
	}
	if err == nil {
		r.attached, err = r.plane.Attach(present...)
	}
	if err != nil {
		return r, errors.Join(err, r.fallBack(before))
	}
	return r, nil
}

// fallBack undoes a start that failed before or in its last step. That attaches
// all or nothing, so a dataplane that ran before was not touched.
func (r running) fallBack(before []string) error {
	if len(before) > 0 {
		return r.plane.Close()
	}
	if err := r.undo(); err != nil {
		return fmt.Errorf("undoing the start: %w", err)
	}
	return nil
}

// union is a and what b has besides.
func union(a, b []string) []string {
	return append(slices.Clone(a), slices.DeleteFunc(slices.Clone(b), func(name string) bool { return slices.Contains(a, name) })...)
}
