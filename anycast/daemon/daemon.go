// Package daemon is what cmd/anycastd runs: it measures this edge's health each second, hears the
// other edges, has package anycast decide, and has a speaker tell the routers.
//
// It needs no privileges. If it ends, this edge's routes end with its BGP sessions, or with the
// BIRD whose unit ends with it; the edge itself and scrubd go on and may restart without moving a
// route. If the other edges are not heard, nothing that is announced is withdrawn.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/anycast/speaker"
)

// Daemon is one edge's.
type Daemon struct {
	config  *Config
	log     *slog.Logger
	key     []byte
	speaker speaker.Speaker
	probers []Prober
	load    loadMeter

	now   func() time.Time
	every time.Duration // between two health checks

	warnings sync.Map // a *rate.Limiter for each text

	mu       sync.Mutex
	edge     *anycast.Edge
	ladder   *anycast.Ladder
	leaving  int // the ID of the escalation by which this edge leaves; 0: none
	last     anycast.Decision
	health   string
	failed   string // what went wrong when the routers were told
	sessions []speaker.Session
}

// New makes a daemon that announces nothing yet.
func New(ctx context.Context, c *Config, log *slog.Logger) (*Daemon, error) {
	key, err := readKey(c.Secret)
	if err != nil {
		return nil, err
	}
	d := &Daemon{config: c, log: log, key: key, edge: anycast.New(c.tier(), time.Now()), probers: c.Health.probers(), now: time.Now, every: time.Second}
	d.load.link, d.load.capacity = c.Health.Link, c.Capacity
	var without []anycast.Remedy
	if c.BGP == nil || !c.BGP.flowSpec() {
		without = append(without, anycast.FlowSpec)
	}
	d.ladder = anycast.NewLadder(c.addresses(), without...)
	if c.Bird != nil {
		d.speaker = speaker.NewBird(c.Bird.Socket, c.Prefixes)
		return d, nil
	}
	config, err := c.BGP.speaker()
	if err != nil {
		return nil, err
	}
	if d.speaker, err = speaker.NewGoBGP(ctx, config, log); err != nil {
		return nil, err
	}
	return d, nil
}

func (b *BGP) flowSpec() bool {
	for _, p := range b.Peers {
		if p.FlowSpec {
			return true
		}
	}
	return false
}

// speaker is the configuration as GoBGP takes it.
func (b *BGP) speaker() (c speaker.Config, err error) {
	c = speaker.Config{ASN: b.ASN, RouterID: b.RouterID, NextHops: b.NextHops}
	for _, p := range b.Peers {
		password := ""
		if p.Password != "" {
			raw, err := os.ReadFile(p.Password)
			if err != nil {
				return c, fmt.Errorf("reading the password of a peer: %w", err)
			}
			password = strings.TrimSpace(string(raw))
		}
		c.Peers = append(c.Peers, speaker.Peer{
			Address: p.Address, ASN: p.ASN, Password: password,
			TTLSecurity: p.TTLSecurity, Multihop: p.Multihop, FlowSpec: p.FlowSpec,
		})
	}
	return c, nil
}

// Run works until ctx ends, then withdraws everything. ready is called once it answers.
func (d *Daemon) Run(ctx context.Context, ready func()) (err error) {
	defer func() { err = errors.Join(err, d.speaker.Close()) }()
	conn, err := net.ListenPacket("udp", d.config.Edges[d.config.Edge].String())
	if err != nil {
		return fmt.Errorf("listening for the other edges: %w", err)
	}
	control, err := d.listen()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	var loops sync.WaitGroup
	loops.Go(func() { d.hear(conn) })
	loops.Go(func() { d.serve(control) })
	ready()
	ticks := time.NewTicker(d.every)
	defer ticks.Stop()
	for ctx.Err() == nil {
		d.second(ctx, conn)
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
	err = errors.Join(conn.Close(), control.Close())
	loops.Wait()
	return err
}

// second is one check, one decision, and what follows from it.
func (d *Daemon) second(ctx context.Context, conn net.PacketConn) {
	wrong := probe(ctx, d.probers)
	if ctx.Err() != nil {
		return // what the end has interrupted says nothing
	}
	now := d.now()
	d.mu.Lock()
	d.followLadder(now)
	if d.last.State == anycast.Draining || d.last.State == anycast.Drained {
		d.edge.SetConnections(connections(d.config.Health.Addresses))
	}
	changes := len(d.edge.History())
	decision := d.edge.Step(now, anycast.Health{Why: wrong})
	news := d.edge.History()
	news = news[min(changes, len(news)):]
	fact := d.edge.Fact()
	fact.Load, fact.Capacity = d.load.measure(now)
	say := anycast.Announce(now, decision.State, d.config.Prefixes, d.ladder)
	alarm := decision.Alarm != "" && d.last.Alarm == ""
	d.last, d.health = decision, wrong
	d.mu.Unlock()

	for _, c := range news {
		d.log.Info("state of the edge", "state", string(c.State), "reason", c.Why, "operator", c.By)
	}
	if alarm {
		d.log.Error("alarm", "reason", decision.Alarm)
	}
	d.say(conn, now, fact)
	d.tell(ctx, say)
}

// tell has the speaker announce. What fails is tried again a second later.
func (d *Daemon) tell(ctx context.Context, say anycast.Announcement) {
	failed := ""
	err := d.speaker.Apply(ctx, say)
	if err != nil {
		failed = err.Error()
		d.warn("the routers are not told", err)
	}
	sessions, err := d.speaker.Sessions(ctx)
	if err != nil && failed == "" {
		failed = err.Error()
	}
	d.mu.Lock()
	d.failed, d.sessions = failed, sessions
	d.mu.Unlock()
}

// followLadder withdraws this edge while an escalation says so. An edge that a person has
// drained already stays drained until a person ends that.
func (d *Daemon) followLadder(now time.Time) {
	var leave anycast.Escalation
	for _, s := range d.ladder.All(now) {
		if s.Remedy == anycast.Leave && s.InForce(now) {
			leave = s
		}
	}
	switch {
	case leave.ID != 0 && d.leaving == 0:
		if err := d.edge.Withdraw(now, false, strings.Join(leave.By, ", "), "escalation: "+leave.Why); err != nil {
			d.warn("the edge does not leave", err)
			return
		}
	case leave.ID == 0 && d.leaving != 0:
		if err := d.edge.Undrain(now, "", "the escalation has ended"); err != nil {
			d.warn("the edge does not return", err)
		}
	}
	d.leaving = leave.ID
}

// warn logs each kind of trouble at most once a minute.
func (d *Daemon) warn(text string, err error) {
	limiter, _ := d.warnings.LoadOrStore(text, rate.NewLimiter(rate.Every(time.Minute), 1))
	if limiter.(*rate.Limiter).Allow() {
		d.log.Warn(text, "error", err)
	}
}
