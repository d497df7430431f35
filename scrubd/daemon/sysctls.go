//go:build linux

package daemon

import (
	"log/slog"
	"slices"
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
