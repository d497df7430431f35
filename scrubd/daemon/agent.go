//go:build linux

package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// An Agent is a running agent: the data centre's end of tunnels. Packets do not
// need the process; reloads and metrics do.
type Agent struct {
	path    string
	log     *slog.Logger
	file    *policyfile.AgentFile // in force; only reload changes it
	agent   *agent.Agent
	ingress *interfaces
	egress  *interfaces  // where it clamps
	start   agent.Config // the policy of the start: a reload does not change interfaces
	mode    policyfile.SysctlMode

	drift     drift
	successor successor
	metrics   net.Listener // nil: none

	reloaded, refused atomic.Uint64
}

// StartAgent brings everything up, or nothing: if a step fails the ones before it
// are undone, and an agent that ran before goes on.
func StartAgent(path string, log *slog.Logger) (*Agent, error) {
	f, err := policyfile.ReadAgent(path)
	if err != nil {
		return nil, unread(err, path, "agent.example.yaml")
	}
	a := &Agent{path: path, log: log, file: f, mode: f.Daemon.Sysctls, drift: drift{known: make(map[string]bool)}, successor: newSuccessor()}
	become, _, err := peersock.Identity(f.Daemon.User, "")
	if err != nil {
		return nil, err
	}
	if a.metrics, err = listenForMetrics(f.Daemon.Metrics); err != nil {
		return nil, err
	}
	if err := a.bringUp(become); err != nil {
		if a.metrics != nil {
			err = errors.Join(err, a.metrics.Close())
		}
		return nil, err
	}
	return a, nil
}

// bringUp does what needs privileges, and drops them.
func (a *Agent) bringUp(become *peersock.Account) error {
	a.start = a.file.Config
	if err := reportSysctls(a.log, hostcheck.Sysctls(a.start.Settings(), a.file.Daemon.Sysctls)); err != nil {
		return err
	}
	pins := a.file.Daemon.Pins
	if _, err := hostcheck.MountBPFFS(pins); err != nil {
		return err
	}
	before, err := scrub.Running(pins)
	if err != nil {
		return err
	}
	if a.agent, err = agent.Load(pins); err != nil {
		return missingFeature(err, agent.Features())
	}
	if err = a.agent.Apply(&a.file.Config); err == nil {
		err = a.attach(pins)
	}
	if err == nil {
		own(a.log, a.agent, become)
		err = hostcheck.DropPrivileges(become)
	}
	if err != nil {
		err = errors.Join(err, a.agent.Close())
		if len(before) == 0 {
			err = errors.Join(err, pinset.Unload(pins))
		}
		return err
	}
	return nil
}

// attach attaches the agent to those of its interfaces that there are.
func (a *Agent) attach(pins string) error {
	now := a.file.Config
	for hook, names := range map[pinset.Hook]*[]string{pinset.Ingress: &now.Interfaces, pinset.Egress: &now.Egress} {
		present, missing, err := pinset.Present(*names)
		if err != nil {
			return err
		}
		*names = present
		if len(missing) == 0 {
			continue
		}
		before, err := pinset.Running(pins, hook)
		if err != nil {
			return err
		}
		*names = union(present, before) // one of these may be it, under another name
	}
	ingress, egress, err := a.agent.Attach(&now)
	if err != nil {
		return err
	}
	a.ingress = a.keep(pinset.Ingress, a.file.Interfaces, ingress)
	a.egress = a.keep(pinset.Egress, a.file.Clamped(), egress)
	warnGeneric(a.log, ingress)
	return nil
}

// keep keeps a program attached to interfaces.
func (a *Agent) keep(hook pinset.Hook, names []string, attached []pinset.Attachment) *interfaces {
	i := newInterfaces(a.log, names, attached)
	i.attach = func(name string) (pinset.Attachment, error) { return a.agent.AttachLater(hook, name) }
	i.live = func() map[int]string { return a.agent.Attached(hook) }
	i.changed = func() {
		now := a.sysctls()
		a.drift.log(a.log, now)
		a.successor.ask(a.mode, now)
	}
	return i
}

// Run keeps the agent until the context ends. Its programs go on after it.
func (a *Agent) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	if a.metrics != nil {
		registry := prometheus.NewRegistry()
		registry.MustRegister(agentCollector{a})
		work.Go(func() error { return serveMetrics(ctx, registry, a.metrics) })
	}
	work.Go(func() error { return onHangup(ctx, a.reload) })
	work.Go(func() error { return follow(ctx, a.log, a.ingress, a.egress) })
	work.Go(func() error { return a.maintain(ctx) })
	work.Go(func() error { return a.successor.wait(ctx) })
	a.log.Info("the agent is ready", "attached", a.agent.Attached(pinset.Ingress), "clamps", a.agent.Attached(pinset.Egress), "version", Version())
	notifyReady(a.log)
	err := work.Wait()
	a.log.Info("the agent ends; its programs go on")
	return errors.Join(err, a.agent.Close())
}

// sysctls reads those that the agent depends on. Those of an interface have the name
// that it has now.
func (a *Agent) sysctls() []hostcheck.Sysctl {
	c := a.start
	c.Interfaces = slices.Clone(c.Interfaces)
	for i, name := range c.Interfaces {
		c.Interfaces[i] = a.ingress.now(name)
	}
	return hostcheck.Sysctls(c.Settings(), policyfile.CheckSysctls)
}

// maintain looks at the sysctls once per minute: another program may have changed
// them.
func (a *Agent) maintain(ctx context.Context) error {
	tick := time.NewTicker(sysctlsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			a.drift.log(a.log, a.sysctls())
		}
	}
}

// reload puts the policy file in force. One that is rejected changes nothing.
func (a *Agent) reload() {
	f, err := policyfile.ReadAgent(a.path)
	if err == nil {
		err = a.checkReloadable(f)
	}
	if err == nil {
		err = a.agent.Apply(&f.Config)
	}
	if err != nil {
		a.refused.Add(1)
		a.log.Error("policy file rejected; the old one stays in force", "error", err)
		return
	}
	f.Daemon = a.file.Daemon
	a.file = f
	a.reloaded.Add(1)
	a.log.Info("policy file reloaded", "peers", len(f.Peers), "protect", len(f.Protect))
}

// checkReloadable rejects what only a start can do.
func (a *Agent) checkReloadable(f *policyfile.AgentFile) error {
	was := a.file
	if !slices.Equal(sorted(f.Interfaces), sorted(was.Interfaces)) || !slices.Equal(sorted(f.Egress), sorted(was.Egress)) || f.NoClamp != was.NoClamp {
		return errors.New("interfaces, egress and no_clamp need a restart, which packets do not notice: the agent has dropped the privilege to attach")
	}
	return nil
}
