//go:build linux

package main

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

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// A daemon is a running scrubd.
type daemon struct {
	path  string // of the policy file
	log   *slog.Logger
	since time.Time

	peers    peers
	sysctls  []sysctl
	look     func([]scrub.Setting, sysctlMode) []sysctl
	plane    dataplane
	attached []pinset.Attachment
	desk     *desk
	survey   *survey
	samples  *samples
	registry *prometheus.Registry
	ways     *ways         // to data centres
	metrics  net.Listener  // besides the socket; nil: none
	ending   chan struct{} // closed when it ends

	mu      sync.Mutex // held while what is in force changes
	state   sync.Mutex // guards what follows
	file    *file      // in force
	reloads reloads
}

// start brings everything up, or nothing: what fails is undone, and what ran
// before goes on.
func start(k kernel, path string, log *slog.Logger) (d *daemon, s *socket, err error) {
	f, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	become, gid, err := f.Daemon.identity()
	if err != nil {
		return nil, nil, err
	}
	d = &daemon{path: path, log: log, since: time.Now(), file: f, samples: newSamples(), ways: newWays(log), ending: make(chan struct{})}
	d.reloads.since = d.since
	if d.peers, err = f.Daemon.peers(); err != nil {
		return nil, nil, err
	}
	uid := os.Geteuid()
	if become != nil {
		uid = become.uid
	}
	if s, err = listen(f.Daemon.Socket, uid, gid); err != nil {
		return nil, nil, err
	}
	if f.Daemon.Metrics != "" {
		if d.metrics, err = net.Listen("tcp", f.Daemon.Metrics); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("listening for metrics: %w", err), s.Close())
		}
	}
	if err := d.bringUp(k, f, become); err != nil {
		if d.metrics != nil {
			err = errors.Join(err, d.metrics.Close())
		}
		return nil, nil, errors.Join(err, s.Close())
	}
	d.registry = prometheus.NewRegistry()
	d.registry.MustRegister(collector{d})
	return d, s, nil
}

// bringUp does what needs privileges, and gives them away.
func (d *daemon) bringUp(k kernel, f *file, become *account) error {
	d.look = k.sysctls
	d.sysctls = k.sysctls(f.Config.Settings(), f.Daemon.Sysctls)
	for _, s := range d.sysctls {
		if s.Was != "" {
			d.log.Info("a sysctl was set", "sysctl", s.name(), "from", s.Was, "to", s.Is, "why", s.Why)
		}
	}
	if err := wrong(d.sysctls); err != nil {
		return err
	}
	mounted, err := k.mount(f.Daemon.Pins)
	if err != nil {
		return err
	}
	if mounted {
		d.log.Info("a BPF file system was mounted", "at", bpffs)
	}
	d.ways.nudge(f.Tunnels())
	up, err := k.raise(f, func(plane dataplane) error { return d.openDesk(plane, f) })
	if err != nil {
		return err
	}
	d.plane, d.attached = up.plane, up.attached
	d.survey = &survey{read: d.plane.Tallies}
	if err := k.giveUp(become); err != nil {
		return errors.Join(err, up.undo())
	}
	for _, a := range d.attached {
		if !a.Native {
			d.log.Warn("the driver cannot run the program, so the kernel does at several times the cost", "interface", a.Interface)
		}
	}
	if policy, err := os.Open(d.path); err == nil {
		policy.Close()
	} else {
		d.log.Warn("the policy file cannot be read any more without privileges, so a reload will fail: let scrubd's user read it", "error", err)
	}
	return nil
}

func (d *daemon) openDesk(plane dataplane, f *file) error {
	said, err := readLedger(f.Daemon.Socket)
	if err != nil {
		d.log.Warn("why people denied and allowed what they did is forgotten", "error", err)
	}
	own, err := ownAddresses()
	if err != nil {
		return err
	}
	var boot [8]byte
	_, _ = rand.Read(boot[:]) // never fails
	d.desk, err = openDesk(plane, hex.EncodeToString(boot[:]), f.Daemon.Bans, spare(&f.Config, own, f.Daemon.Bans.NeverDeny), said, d.since)
	return err
}

// run serves until the context ends. The dataplane goes on after it.
func (d *daemon) run(ctx context.Context, s *socket) error {
	work, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler: d.handler(), ConnContext: knowPeer, MaxHeaderBytes: 8 << 10,
		ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	servers := map[*http.Server]net.Listener{server: s}
	if d.metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
		servers[&http.Server{
			Handler: mux, MaxHeaderBytes: 8 << 10, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		}] = d.metrics
	}
	for server, l := range servers {
		work.Go(func() error { return serve(ctx, server, l) })
	}
	work.Go(func() error { return d.keepTime(ctx) })
	work.Go(func() error { return d.ways.keep(ctx, func() []scrub.Tunnel { return d.current().Tunnels() }) })
	work.Go(func() error {
		if err := d.plane.Samples(ctx, d.samples.add); err != nil {
			d.log.Error("nothing more is shown by watch and top", "error", err)
		}
		return nil
	})
	work.Go(func() error { <-ctx.Done(); close(d.ending); return nil })
	work.Go(func() error { return d.reloadOnHangup(ctx) })
	d.log.Info("scrubd is ready", "attached", d.attached, "boot", d.desk.boot, "version", version())
	if err := tellSystemd("READY=1"); err != nil {
		d.log.Warn("systemd does not know that scrubd is ready", "error", err)
	}
	err := work.Wait()
	d.log.Info("scrubd ends; the dataplane goes on")
	return errors.Join(err, d.plane.Close())
}

// serve answers until the context ends, and lets who is being answered finish.
func serve(ctx context.Context, server *http.Server, l net.Listener) error {
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), soon)
		defer cancel()
		stopped <- server.Shutdown(within)
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answering at %s: %w", l.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return errors.Join(fmt.Errorf("ending at %s: %w", l.Addr(), err), server.Close())
	}
	return nil
}

// keepTime looks at the counts, ends what has come to its end, and notices new
// addresses of this host.
func (d *daemon) keepTime(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			err := errors.Join(d.survey.take(now), d.desk.expire(now))
			if n%60 == 0 {
				err = errors.Join(err, d.spareAgain())
			}
			if err != nil {
				d.log.Error("looking after the dataplane", "error", err)
			}
		}
	}
}

// reloadOnHangup reloads the policy file on SIGHUP.
func (d *daemon) reloadOnHangup(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			_, _ = d.reload() // it logs what came of it
		}
	}
}
