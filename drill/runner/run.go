// Package runner runs one scenario in one world and says what customers and attackers
// saw.
//
// Attacks, customers, chaos and the levels that edges tell go on at the same time;
// everything begins at one moment that is fixed before. What the run cannot do, such
// as starting an edge or reading a shop's orders, is an error: there is no report of
// half a drill.
package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/attack"
	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/customer"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/packets"
	"github.com/theriac-edge/theriac/drill/protocol"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/world"
)

// A Drill is a scenario to be run.
type Drill struct {
	Scenario *scenario.Scenario
	Edges    int
	Level    int    // the shops are pinned to it
	Edge     string // binary of the edges
	Shops    string // binary that runs the shops: the drill's own
	Scrubd   string // binary of the scrubber, for drills of packets
	Dir      string // for configurations and logs

	// (optional) What goes on beside the customers, from the begin of the run on. It gets the
	// addresses of an edge, and may go on for as long as the run does.
	Beside func(ctx context.Context, url func(shop string) string) error

	// (optional) What a reader sees while it runs: called each second.
	Progress func(r *record.Recorder, at time.Duration)
}

// patience is how long customers may take to end their visits after the last second.
const patience = 20 * time.Second

// In runs the drill in a world, and judges it if that is the shield.
func (d *Drill) In(ctx context.Context, kind string) (*record.Run, error) {
	if d.Scenario.Packets() {
		return d.packets(ctx, kind)
	}
	own, theirs := processors()
	if own != nil {
		if err := child.PinSelf(own); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(d.Dir, kind)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating a directory for the drill: %w", err)
	}
	w, err := world.Open(ctx, world.Options{
		Kind: kind, Scenario: d.Scenario, Dir: dir, Edges: d.Edges, Level: d.Level, Edge: d.Edge, Drill: d.Shops, CPUs: theirs,
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	result, err := d.play(ctx, w)
	if err != nil {
		return nil, err
	}
	result.World, result.Notes = kind, w.Notes
	result.Generator.Apart, result.Generator.Cores, result.Generator.TargetCores = own != nil, len(own), len(theirs)
	if kind == world.Shield {
		if result.Incidents, err = w.Incidents(ctx, result.Begin); err != nil {
			return nil, err
		}
		if result.Campaign, err = w.Campaign(ctx); err != nil {
			return nil, err
		}
		result.Judge(&d.Scenario.Targets)
	}
	return result, nil
}

// packets runs a drill below connections.
func (d *Drill) packets(ctx context.Context, kind string) (*record.Run, error) {
	dir := filepath.Join(d.Dir, kind)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating a directory for the drill: %w", err)
	}
	return packets.In(ctx, packets.Options{Kind: kind, Scenario: d.Scenario, Dir: dir, Scrubd: d.Scrubd, Progress: d.Progress})
}

// processors shares them out: the first half for the generator, the rest for what it
// drills. With one there is nothing to share.
func processors() (own, theirs []int) {
	all := allCPUs()
	if len(all) < 2 {
		return nil, nil
	}
	return all[:len(all)/2], all[len(all)/2:]
}

// allCPUs are those of the process when it started, before it chose some for itself.
var allCPUs = sync.OnceValue(child.CPUs)

// play is the run itself.
func (d *Drill) play(ctx context.Context, w *world.World) (*record.Run, error) {
	schedule := d.Scenario.Schedule()
	sources := 0
	for _, p := range schedule.Pulses {
		sources = max(sources, max(p.From, p.Connections)*len(p.Shops))
	}
	if err := load.AllowFiles(uint64(2*sources + 8*load.MaxShoppers + 512)); err != nil {
		return nil, err
	}
	people := &customer.Customers{
		Settings: d.Scenario.Customers, Visits: schedule.Visits, Host: attack.HostOf, Dial: w.Dial, Secure: w.Secure(),
		Name:  fmt.Sprintf("drill-%08x", rand.Uint32()), // orders of this run can be told from those of another
		Stamp: w.Stamp, StampName: w.StampCookie(),
	}
	var attacks []wave
	first := 0
	for i, p := range schedule.Pulses {
		for _, shop := range p.Shops {
			if p.Vector.IsProtocol() {
				attacks = append(attacks, wave{p.At.D(), protocol.New(p, protocol.Target{Dial: w.Raw(shop), TLS: w.TLS(attack.HostOf(shop)), QUIC: w.QUIC()}, first)})
				first += p.From
				continue
			}
			a := attack.New(p, attack.HostOf(shop), w.Dial(shop), d.Scenario.Seed+uint64(i))
			if err := a.Prepare(w.Stamp); err != nil {
				return nil, err
			}
			attacks = append(attacks, wave{p.At.D(), a})
		}
	}
	if err := w.Pin(ctx); err != nil {
		return nil, err
	}
	begin := time.Now().Add(200 * time.Millisecond)
	var shops []string
	for _, p := range d.Scenario.Shops {
		shops = append(shops, p.Name)
	}
	p := &playing{Drill: d, world: w, schedule: schedule, begin: begin, record: record.New(begin, schedule.Length, shops)}
	people.Begin, people.End, people.Record = begin, begin.Add(schedule.Length), p.record
	w.Begin(begin, p.record)
	return p.all(ctx, people, attacks)
}

type wave struct {
	at     time.Duration
	attack interface {
		Run(ctx context.Context, r *record.Recorder)
	}
}
