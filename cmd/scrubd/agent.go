//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// An agentDaemon is a running agent: it keeps the data centre's end of tunnels.
// Packets do not need it; people do, to change the policy and to count.
type agentDaemon struct {
	path     string
	log      *slog.Logger
	file     *agentFile // in force; only reload changes it
	agent    *agent.Agent
	attached []pinset.Attachment
	egress   []string // where it clamps
	sysctls  []sysctl
	metrics  net.Listener // nil: none

	reloaded, refused atomic.Uint64
}

// startAgent brings everything up, or nothing: what fails is undone, and what
// ran before goes on.
func startAgent(path string, log *slog.Logger) (*agentDaemon, error) {
	f, err := readAgentFile(path)
	if err != nil {
		return nil, err
	}
	d := &agentDaemon{path: path, log: log, file: f}
	var become *account
	if f.Daemon.User != "" {
		a, err := userOf(f.Daemon.User)
		if err != nil {
			return nil, err
		}
		become = &a
	}
	if f.Daemon.Metrics != "" {
		if d.metrics, err = net.Listen("tcp", f.Daemon.Metrics); err != nil {
			return nil, fmt.Errorf("listening for metrics: %w", err)
		}
	}
	if err := d.bringUp(become); err != nil {
		if d.metrics != nil {
			err = errors.Join(err, d.metrics.Close())
		}
		return nil, err
	}
	return d, nil
}

// bringUp does what needs privileges, and gives them away.
func (d *agentDaemon) bringUp(become *account) error {
	d.sysctls = examine(procSys, d.file.Config.Settings(), d.file.Daemon.Sysctls)
	for _, s := range d.sysctls {
		if s.Was != "" {
			d.log.Info("a sysctl was set", "sysctl", s.name(), "from", s.Was, "to", s.Is, "why", s.Why)
		}
	}
	if err := wrong(d.sysctls); err != nil {
		return err
	}
	pins := d.file.Daemon.Pins
	if _, err := mountBPFFS(pins); err != nil {
		return err
	}
	before, err := scrub.Running(pins)
	if err != nil {
		return err
	}
	if d.agent, err = agent.Load(pins); err != nil {
		return lacking(err, agent.Features())
	}
	if err = d.agent.Apply(&d.file.Config); err == nil {
		d.attached, err = d.agent.Attach(&d.file.Config)
	}
	if err == nil {
		err = renounce(become)
	}
	if err != nil {
		err = errors.Join(err, d.agent.Close())
		if len(before) == 0 {
			err = errors.Join(err, pinset.Unload(pins))
		}
		return err
	}
	if !d.file.NoClamp {
		d.egress = d.file.Egress
	}
	for _, a := range d.attached {
		if !a.Native {
			d.log.Warn("the driver cannot run the program, so the kernel does at several times the cost", "interface", a.Interface)
		}
	}
	return nil
}

// run keeps the agent until the context ends. The programs go on after it.
func (d *agentDaemon) run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	if d.metrics != nil {
		registry := prometheus.NewRegistry()
		registry.MustRegister(agentCollector{d})
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
		server := &http.Server{
			Handler: mux, MaxHeaderBytes: 8 << 10, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		}
		work.Go(func() error { return serve(ctx, server, d.metrics) })
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	work.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangup:
				d.reload()
			}
		}
	})
	d.log.Info("the agent is ready", "attached", d.attached, "clamps", d.egress, "version", version())
	if err := tellSystemd("READY=1"); err != nil {
		d.log.Warn("systemd does not know that the agent is ready", "error", err)
	}
	err := work.Wait()
	d.log.Info("the agent ends; its programs go on")
	return errors.Join(err, d.agent.Close())
}

// reload puts the policy file in force as it is now. One that cannot work
// changes nothing.
func (d *agentDaemon) reload() {
	f, err := readAgentFile(d.path)
	if err == nil {
		err = d.fits(f)
	}
	if err == nil {
		err = d.agent.Apply(&f.Config)
	}
	if err != nil {
		d.refused.Add(1)
		d.log.Error("the policy file was refused; the old one stays in force", "error", err)
		return
	}
	f.Daemon = d.file.Daemon
	d.file = f
	d.reloaded.Add(1)
	d.log.Info("the policy file was reloaded", "peers", len(f.Peers), "protect", len(f.Protect))
}

// fits refuses what only a start can do.
func (d *agentDaemon) fits(f *agentFile) error {
	was := d.file
	if !slices.Equal(sorted(f.Interfaces), sorted(was.Interfaces)) || !slices.Equal(sorted(f.Egress), sorted(was.Egress)) || f.NoClamp != was.NoClamp {
		return errors.New("interfaces, egress and no_clamp need a restart, which packets do not notice: the agent has given away the right to attach")
	}
	return nil
}
