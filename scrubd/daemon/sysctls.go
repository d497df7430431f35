//go:build linux

package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// sysctlsNow reads the sysctls that a policy file depends on: since the start another
// program may have changed them, such as `sysctl --system` in the upgrade of a package.
// scrubd cannot set them again, because it has dropped the privilege. Those of an
// interface have the name that it has now.
func (d *Daemon) sysctlsNow(c scrub.Config) []hostcheck.Sysctl {
	c.Interfaces = slices.Clone(c.Interfaces)
	for i, name := range c.Interfaces {
		c.Interfaces[i] = d.interfaces.now(name)
	}
	now := d.checkSysctls(c.Settings(), policyfile.CheckSysctls)
	for i := range now {
		for _, s := range d.sysctls {
			if s.Name == now[i].Name {
				now[i].Was = s.Was
			}
		}
	}
	return now
}

// A successor is asked for by a process that an interface has come to which needs a sysctl:
// only a start may set it. So the process ends with this error, its service manager starts
// it again, and packets do not notice.
type successor chan error

func newSuccessor() successor { return make(successor, 1) }

// ask asks for one if a sysctl of an interface is wrong, scrubd is to set sysctls, and
// systemd is there to start it again.
func (s successor) ask(mode policyfile.SysctlMode, now []hostcheck.Sysctl) {
	global := func(s hostcheck.Sysctl) bool { return !strings.HasPrefix(s.Name, "net/ipv4/conf/") }
	wrong := hostcheck.WrongSysctl(slices.DeleteFunc(slices.Clone(now), global))
	if wrong == nil || mode != policyfile.SetSysctls || os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	select {
	case s <- fmt.Errorf("ending, to be started again with the privilege to set a sysctl of an interface that has come: %w", wrong):
	default: // it was asked for
	}
}

// wait waits until one is asked for, or the context ends.
func (s successor) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s:
		return err
	}
}

// sysctlsEvery is how often sysctls are looked at to log those that have changed.
const sysctlsEvery = time.Minute

// A drift remembers which sysctls are wrong, so that each is logged once.
type drift struct {
	mu    sync.Mutex
	known map[string]bool
}

// log logs the sysctls that have become wrong or right since the last call.
func (d *drift) log(log *slog.Logger, now []hostcheck.Sysctl) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range now {
		switch {
		case s.OK() && d.known[s.Name]:
			log.Info("a sysctl is right again", "sysctl", s.Key(), "is", s.Is)
		case !s.OK() && !d.known[s.Name]:
			log.Warn("a sysctl is not as the dataplane needs it", "sysctl", s.Key(), "is", s.Is, "want", s.Want, "why", s.Why, "try", s.Try())
		}
		d.known[s.Name] = !s.OK()
	}
}
