//go:build linux

package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// A Daemon is a running scrubd.
type Daemon struct {
	path     string // of the policy file
	log      *slog.Logger
	since    time.Time
	listener *peersock.Listener
	metrics  net.Listener // besides the socket; nil: none

	roles        peersock.Roles
	sysctls      []hostcheck.Sysctl // as the start found and set them
	checkSysctls func([]scrub.Setting, policyfile.SysctlMode) []hostcheck.Sysctl
	plane        Dataplane
	interfaces   *interfaces
	drift        drift
	successor    successor
	stored       stored
	list         *denylist.List
	rates        *rates
	samples      *samples
	registry     *prometheus.Registry
	nexthops     *nexthops
	trail        audit.Trail
	ending       chan struct{} // closed when it ends

	mu      sync.Mutex // held while what is in force changes
	state   sync.Mutex // guards what follows
	file    *policyfile.File
	reloads reloads
}

// Start brings everything up, or nothing: if a step fails the ones before it are
// undone, and a dataplane that ran before goes on.
func Start(k Kernel, path string, log *slog.Logger) (d *Daemon, err error) {
	f, err := policyfile.Read(path)
	if err != nil {
		return nil, unread(err, path, "scrubd.example.yaml")
	}
	become, gid, err := peersock.Identity(f.Daemon.User, f.Daemon.Group)
	if err != nil {
		return nil, err
	}
	d = &Daemon{path: path, log: log, since: time.Now(), file: f, samples: newSamples(), nexthops: newNexthops(log), drift: drift{known: make(map[string]bool)}, successor: newSuccessor(), ending: make(chan struct{})}
	d.reloads.since = d.since
	if d.roles, err = peersock.ParseRoles(f.Daemon.Edges, f.Daemon.Admins); err != nil {
		return nil, err
	}
	uid := os.Geteuid()
	if become != nil {
		uid = become.UID
	}
	if d.listener, err = peersock.Listen(f.Daemon.Socket, uid, gid); err != nil {
		return nil, err
	}
	if d.stored, err = store(f.Daemon.Socket, uid, gid); err != nil {
		return nil, errors.Join(err, d.listener.Close())
	}
	if d.metrics, err = listenForMetrics(f.Daemon.Metrics); err != nil {
		return nil, errors.Join(err, d.listener.Close())
	}
	if err := d.bringUp(k, f, become); err != nil {
		if d.metrics != nil {
			err = errors.Join(err, d.metrics.Close())
		}
		return nil, errors.Join(err, d.listener.Close())
	}
	d.registry = prometheus.NewRegistry()
	d.registry.MustRegister(collector{d})
	return d, nil
}

// bringUp does what needs privileges, and drops them.
func (d *Daemon) bringUp(k Kernel, f *policyfile.File, become *peersock.Account) error {
	d.checkSysctls = k.Sysctls
	d.sysctls = k.Sysctls(f.Config.Settings(), f.Daemon.Sysctls)
	if err := reportSysctls(d.log, d.sysctls); err != nil {
		return err
	}
	mounted, err := k.Mount(f.Daemon.Pins)
	if err != nil {
		return err
	}
	if mounted {
		d.log.Info("mounted a BPF file system", "at", pinset.BPFFS)
	}
	d.nexthops.update(farEnds(f))
	up, err := k.bringUp(f, func(plane Dataplane) error { return d.openList(plane, f) })
	if err != nil {
		return err
	}
	d.plane = up.plane
	d.rates = &rates{read: d.plane.Tallies}
	d.interfaces = newInterfaces(d.log, f.Interfaces, up.attached)
	d.interfaces.attach, d.interfaces.live, d.interfaces.changed = d.plane.AttachLater, d.plane.Attached, d.interfacesChanged
	own(d.log, d.plane, become)
	if err := k.DropPrivileges(become); err != nil {
		return errors.Join(err, up.undo())
	}
	if err := d.list.Save(); err != nil { // without what has ended meanwhile
		d.log.Error("what operators deny and allow will be lost at the next boot", "error", err)
	}
	warnGeneric(d.log, up.attached)
	if policy, err := os.Open(d.path); err == nil {
		policy.Close()
	} else {
		d.log.Warn("cannot read the policy file without privileges, so reloads will fail: let scrubd's user read it", "error", err)
	}
	return nil
}

func (d *Daemon) openList(plane Dataplane, f *policyfile.File) error {
	state := d.stored.read(d.log)
	never, err := neverDeny(f, f.Daemon.Bans.NeverDeny)
	if err != nil {
		return err
	}
	var instance [8]byte
	_, _ = rand.Read(instance[:]) // never fails
	limits := denylist.Limits{PerShop: f.Daemon.Bans.PerShop, MaxEntries: f.Daemon.Bans.MaxEntries, MaxTTL: f.Daemon.Bans.MaxTTL}
	d.list, err = denylist.Open(plane, hex.EncodeToString(instance[:]), limits, never, state, d.since)
	return err
}

// Run serves until the context ends. The dataplane goes on after it.
func (d *Daemon) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler: d.handler(), ConnContext: peersock.ConnContext, MaxHeaderBytes: 8 << 10,
		ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	work.Go(func() error { return serve(ctx, server, d.listener) })
	if d.metrics != nil {
		work.Go(func() error { return serveMetrics(ctx, d.registry, d.metrics) })
	}
	work.Go(func() error { return d.maintain(ctx) })
	work.Go(func() error { return follow(ctx, d.log, d.interfaces) })
	work.Go(func() error { return d.successor.wait(ctx) })
	work.Go(func() error {
		return d.nexthops.keepalive(ctx, func() []scrub.Tunnel { return farEnds(d.current()) })
	})
	work.Go(func() error {
		if err := d.plane.Samples(ctx, d.samples.add); err != nil {
			d.log.Error("sample stream ended: watch and top show no new packets", "error", err)
		}
		return nil
	})
	work.Go(func() error { <-ctx.Done(); close(d.ending); return nil })
	work.Go(func() error {
		return onHangup(ctx, func() { _, _ = d.reload(audit.Unknown, "SIGHUP") }) // which logs its result
	})
	d.log.Info("scrubd is ready", "attached", d.plane.Attached(), "instance", d.list.Instance(), "version", Version())
	notifyReady(d.log)
	err := work.Wait()
	d.log.Info("scrubd ends; the dataplane goes on")
	return errors.Join(err, d.plane.Close())
}

// shutdownTimeout bounds how long requests may take that are being answered when
// the daemon ends.
const shutdownTimeout = 2 * time.Second

// serve answers until the context ends, and lets requests in progress finish.
func serve(ctx context.Context, server *http.Server, l net.Listener) error {
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(within)
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving at %s: %w", l.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return errors.Join(fmt.Errorf("shutting down at %s: %w", l.Addr(), err), server.Close())
	}
	return nil
}

// serveMetrics serves a registry over TCP until the context ends.
func serveMetrics(ctx context.Context, registry *prometheus.Registry, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return serve(ctx, &http.Server{
		Handler: mux, MaxHeaderBytes: 8 << 10, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}, l)
}

// maintain measures rates and removes expired entries once per second, and looks
// for new addresses of this host and at its sysctls once per minute.
func (d *Daemon) maintain(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			err := errors.Join(d.rates.measure(now), d.list.Expire(now))
			if n%int(sysctlsEvery/time.Second) == 0 {
				err = errors.Join(err, d.refreshNeverDeny())
				d.drift.log(d.log, d.sysctlsNow(d.current().Config))
			}
			if err != nil {
				d.log.Error("dataplane maintenance failed", "error", err)
			}
		}
	}
}

// onHangup calls reload on each SIGHUP until the context ends.
func onHangup(ctx context.Context, reload func()) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			reload()
		}
	}
}
