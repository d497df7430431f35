//go:build linux

package daemon

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// reloads are the results of reloads since the start.
type reloads struct {
	done, refused atomic.Uint64
	since         time.Time // when what is in force was put in force
	why           string    // why the last one was rejected; empty: it was not
}

// Reloaded is the answer to a reload.
type Reloaded struct {
	Path     string `json:"path"`
	Policies int    `json:"policies"`
	Notice   string `json:"notice,omitempty"`
}

// current is the policy file in force.
func (d *Daemon) current() *policyfile.File {
	d.state.Lock()
	defer d.state.Unlock()
	return d.file
}

// policy is the state of the policy file.
func (d *Daemon) policy() PolicyState {
	d.state.Lock()
	defer d.state.Unlock()
	return PolicyState{Path: d.path, Since: d.reloads.since, Reloads: int(d.reloads.done.Load()), Refused: d.reloads.why}
}

// reload puts the policy file in force for an operator. One that is rejected
// changes nothing.
func (d *Daemon) reload(operator, why string) (done Reloaded, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.tryReload()
	var drifted error
	if err == nil {
		drifted = hostcheck.WrongSysctl(d.sysctlsNow(f.Config))
	}
	d.state.Lock()
	defer d.state.Unlock()
	if err != nil {
		d.reloads.refused.Add(1)
		d.reloads.why = err.Error()
		d.log.Error("policy file rejected; the old one stays in force", "who", operator, "error", err)
		return done, conflict{err}
	}
	done = Reloaded{Path: d.path, Policies: len(f.Policies)}
	if !reflect.DeepEqual(f.Daemon, d.file.Daemon) {
		done.Notice = "the section daemon has changed: restart scrubd to apply it"
		f.Daemon = d.file.Daemon
	}
	if drifted != nil { // scrubd has dropped the privilege to set it
		done.Notice = strings.TrimPrefix(done.Notice+"; "+drifted.Error()+"; try: "+hint.Of(drifted), "; ")
	}
	d.file, d.reloads.since, d.reloads.why = f, time.Now(), ""
	d.reloads.done.Add(1)
	if done.Notice != "" {
		d.log.Warn("the policy file is not wholly in force", "notice", done.Notice)
	}
	d.record(audit.Act{Act: "reload", Who: operator, What: d.path, Why: why})
	return done, nil
}

func (d *Daemon) tryReload() (*policyfile.File, error) {
	f, err := policyfile.Read(d.path)
	if err != nil {
		return nil, err
	}
	if was := d.current(); !slices.Equal(sorted(f.Interfaces), sorted(was.Interfaces)) {
		return nil, hint.Errorf("systemctl restart scrubd; the dataplane goes on meanwhile",
			"interfaces changed from %v to %v, which needs a restart", was.Interfaces, f.Interfaces)
	}
	if err := d.checkNewSysctls(f); err != nil {
		return nil, err
	}
	d.nexthops.update(farEnds(f))
	if err := d.plane.Apply(&f.Config); err != nil {
		return nil, err
	}
	never, err := neverDeny(f, d.current().Daemon.Bans.NeverDeny)
	if err != nil {
		return nil, err
	}
	return f, d.list.Reload(f.Deny, never)
}

// interfacesChanged puts the policy file in force once more, because it depends on the
// interfaces: on their MTU and on how many queues they have.
func (d *Daemon) interfacesChanged() {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.current()
	err := d.plane.Apply(&f.Config)
	if err == nil {
		var never denylist.NeverDeny
		if never, err = neverDeny(f, f.Daemon.Bans.NeverDeny); err == nil {
			err = d.list.Reload(f.Deny, never)
		}
	}
	if err != nil {
		d.log.Error("cannot put the policy file in force for an interface that was missing", "error", err, "try", "scrubd policy reload")
	}
	now := d.sysctlsNow(f.Config)
	d.drift.log(d.log, now)
	d.successor.ask(f.Daemon.Sysctls, now)
}

// checkNewSysctls rejects a policy file that depends on sysctls that the start did
// not, if they are wrong: scrubd has dropped the privilege to set them.
func (d *Daemon) checkNewSysctls(f *policyfile.File) error {
	more := slices.DeleteFunc(f.Config.Settings(), func(s scrub.Setting) bool {
		return slices.ContainsFunc(d.sysctls, func(known hostcheck.Sysctl) bool { return known.Name == s.Name })
	})
	return hostcheck.WrongSysctl(d.checkSysctls(more, policyfile.CheckSysctls))
}

// refreshNeverDeny takes in new addresses of this host.
func (d *Daemon) refreshNeverDeny() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.current()
	never, err := neverDeny(f, f.Daemon.Bans.NeverDeny)
	if err != nil {
		return err
	}
	d.list.SetNeverDeny(never)
	return nil
}

// neverDeny is what may not be denied under a policy file, with this host's
// addresses as they are now.
func neverDeny(f *policyfile.File, more []scrub.Prefix) (n denylist.NeverDeny, err error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return n, fmt.Errorf("listing this host's addresses: %w", err)
	}
	var own []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap().WithZone(""))
		}
	}
	return denylist.NewNeverDeny(f.Policies, own, more), nil
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }
