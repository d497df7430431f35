//go:build linux

package main

import (
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/hint"

	"github.com/theriac-edge/theriac/scrub"
)

// reloads is what came of the policy file since the start.
type reloads struct {
	done, refused atomic.Uint64
	since         time.Time // of what is in force
	why           string    // the last one was refused; empty: it was not
}

// reloaded is the answer to a reload.
type reloaded struct {
	Path     string `json:"path"`
	Policies int    `json:"policies"`
	Notice   string `json:"notice,omitempty"`
}

// current is the policy file in force.
func (d *daemon) current() *file {
	d.state.Lock()
	defer d.state.Unlock()
	return d.file
}

// policy says which policies are in force.
func (d *daemon) policy() policyReport {
	d.state.Lock()
	defer d.state.Unlock()
	return policyReport{Path: d.path, Since: d.reloads.since, Reloads: int(d.reloads.done.Load()), Refused: d.reloads.why}
}

// reload puts the policy file in force as it is now. One that cannot work
// changes nothing.
func (d *daemon) reload() (done reloaded, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.tryReload()
	d.state.Lock()
	defer d.state.Unlock()
	if err != nil {
		d.reloads.refused.Add(1)
		d.reloads.why = err.Error()
		d.log.Error("the policy file was refused; the old one stays in force", "error", err)
		return done, refusal{err}
	}
	done = reloaded{Path: d.path, Policies: len(f.Policies)}
	if !reflect.DeepEqual(f.Daemon, d.file.Daemon) {
		done.Notice = "the section daemon has changed: that holds from scrubd's next start on"
		f.Daemon = d.file.Daemon
	}
	d.file, d.reloads.since, d.reloads.why = f, time.Now(), ""
	d.reloads.done.Add(1)
	d.log.Info("the policy file was reloaded", "policies", len(f.Policies), "notice", done.Notice)
	return done, nil
}

func (d *daemon) tryReload() (*file, error) {
	f, err := readFile(d.path)
	if err != nil {
		return nil, err
	}
	if was := d.current(); !slices.Equal(sorted(f.Interfaces), sorted(was.Interfaces)) {
		return nil, hint.Errorf("systemctl restart scrubd; the dataplane goes on meanwhile",
			"interfaces were %v and are %v: scrubd has given away the right to attach to others", was.Interfaces, f.Interfaces)
	}
	if err := d.settled(f); err != nil {
		return nil, err
	}
	d.ways.nudge(f.Tunnels())
	if err := d.plane.Apply(&f.Config); err != nil {
		return nil, err
	}
	own, err := ownAddresses()
	if err != nil {
		return nil, err
	}
	return f, d.desk.applied(f, spare(&f.Config, own, d.current().Daemon.Bans.NeverDeny))
}

// settled refuses a policy file that needs other sysctls than the start did, if
// they are not as it needs them: scrubd has given away the right to set them.
func (d *daemon) settled(f *file) error {
	more := slices.DeleteFunc(f.Config.Settings(), func(s scrub.Setting) bool {
		return slices.ContainsFunc(d.sysctls, func(known sysctl) bool { return known.Name == s.Name })
	})
	return wrong(d.look(more, checkSysctls))
}

// spareAgain notices new addresses of this host.
func (d *daemon) spareAgain() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	own, err := ownAddresses()
	if err != nil {
		return err
	}
	f := d.current()
	d.desk.mu.Lock()
	defer d.desk.mu.Unlock()
	d.desk.spared = spare(&f.Config, own, f.Daemon.Bans.NeverDeny)
	return nil
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

// identity is the user to become, if any, and the group of the socket.
func (s *settings) identity() (become *account, gid int, err error) {
	gid = -1 // unchanged
	if s.User != "" {
		a, err := userOf(s.User)
		if err != nil {
			return nil, 0, err
		}
		become, gid = &a, a.gid
	}
	if s.Group != "" {
		if gid, err = groupOf(s.Group); err != nil {
			return nil, 0, err
		}
	}
	return become, gid, nil
}

// peers looks up who may do what.
func (s *settings) peers() (ps peers, err error) {
	if ps.edges, err = crowdOf(s.Edges); err != nil {
		return ps, err
	}
	ps.admins, err = crowdOf(s.Admins)
	return ps, err
}
