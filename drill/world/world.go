// Package world is where a drill happens: shops, and what is in front of them. Each
// run gets fresh processes, on other processors than the generator where there are
// enough.
//
// There are three worlds. In Nothing the shops are reached directly. In Blackhole a
// provider null-routes the address of an attacked shop, in the way that is described at
// hole. In Shield stand edges with a Redis, started from this checkout. Everything
// listens on loopback, and no way leads anywhere else. A part that does not start, or
// ends by itself, is an error.
package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/orders"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// The worlds.
const (
	Nothing   = "nothing"
	Blackhole = "blackhole"
	Shield    = "shield"
)

// Kinds are all worlds, from the one that protects least.
var Kinds = []string{Nothing, Blackhole, Shield}

// Options say which world to open.
type Options struct {
	Kind     string
	Scenario *scenario.Scenario
	Dir      string // of configurations and logs

	Edges int    // how many; at least 1
	Level int    // the shops are pinned to it; 0: they are left alone
	Edge  string // the edge's binary
	Drill string // the drill's binary, which runs the shops
	CPUs  []int  // those for all that is started; nil: any
}

// A World is open until Close.
type World struct {
	Options
	Notes []string // what a reader of the report should know of it

	*encryption // nil: everything speaks HTTP

	shops []*shopProcess
	front *shield // nil: none
	holes map[string]*hole
}

// A shopProcess is one demo shop.
type shopProcess struct {
	*child.Process
	name string
	addr netip.AddrPort

	secure netip.AddrPort // where customers come, if it is not addr
}

// Open starts the shops and what is in front of them.
func Open(ctx context.Context, o Options) (w *World, err error) {
	w = &World{Options: o, holes: make(map[string]*hole)}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if o.Scenario.Encrypted() {
		if w.encryption, err = newEncryption(o.Dir, o.Scenario.Shops); err != nil {
			return w, err
		}
	}
	for i := range o.Scenario.Shops {
		if err := w.openShop(ctx, &o.Scenario.Shops[i]); err != nil {
			return w, err
		}
	}
	switch o.Kind {
	case Blackhole:
		w.Notes = append(w.Notes, "The black hole is simulated: connections to the shop's address hang until they time out, and open ones stall. No route of this machine was changed.")
		for _, p := range o.Scenario.Shops {
			w.holes[p.Name] = &hole{windows: o.Scenario.Blackholes(p.Name)}
		}
	case Shield:
		w.front, err = openShield(ctx, w)
	}
	return w, err
}

// openShop starts the process of a shop.
func (w *World) openShop(ctx context.Context, p *scenario.Shop) error {
	addr, err := child.FreeAddr()
	if err != nil {
		return err
	}
	config, err := json.Marshal(ConfigOf(p))
	if err != nil {
		return fmt.Errorf("starting the shop %s: %w", p.Name, err)
	}
	args, secure, err := w.secureShop()
	if err != nil {
		return err
	}
	started, err := child.Start(ctx, child.Command{
		Name: w.Kind + "-shop-" + p.Name, Dir: w.Dir, Path: w.Drill, CPUs: w.CPUs,
		Args: append([]string{"shop", "--listen", addr, "--config", string(config), "--connections", strconv.Itoa(p.Connections)}, args...),
	})
	if err != nil {
		return err
	}
	w.shops = append(w.shops, &shopProcess{started, p.Name, netip.MustParseAddrPort(addr), secure})
	if secure.IsValid() {
		if err := started.Ready(ctx, secure.String()); err != nil {
			return err
		}
	}
	return started.Ready(ctx, addr)
}

// ConfigOf is the demo shop of a scenario's shop.
func ConfigOf(p *scenario.Shop) demoshop.Config {
	c := demoshop.Config{Slug: p.Name}
	switch p.Name {
	case "loewen":
		c = demoshop.Loewen()
	case "sonnen":
		c = demoshop.Sonnen()
	}
	c.PageTime, c.PageCost, c.Patience = p.PageTime.D(), p.PageCost.D(), p.Patience.D()
	c.Concurrency, c.Queue = p.Workers, p.Queue
	return c
}

func (w *World) shop(name string) *shopProcess {
	for _, s := range w.shops {
		if s.name == name {
			return s
		}
	}
	return nil
}

// Pin sets the level of all shops, if the options ask for one.
func (w *World) Pin(ctx context.Context) error {
	if w.front == nil || w.Level == 0 {
		return nil
	}
	w.Notes = append(w.Notes, fmt.Sprintf("All shops were pinned to level %d before the run, as operators can do.", w.Level))
	return w.front.pin(ctx, w)
}

// Begin says when the run begins, from which black holes count.
func (w *World) Begin(at time.Time, r *record.Recorder) {
	for name, h := range w.holes {
		h.begin.Store(at.UnixNano())
		for _, span := range h.windows {
			r.Blackhole(name, span.From, span.To)
		}
	}
}

// Dial is the way of customers to a shop, through TLS if the scenario has it.
func (w *World) Dial(shop string) load.Dial {
	if w.encryption != nil {
		return w.around(w.Raw(shop), shop)
	}
	return w.Raw(shop)
}

// Raw is the way to a shop without TLS.
func (w *World) Raw(shop string) load.Dial {
	switch s := w.shop(shop); {
	case w.front != nil:
		return w.front.dial
	case w.holes[shop] != nil:
		return w.holes[shop].around(s.dial)
	default:
		return s.dial
	}
}

func (s *shopProcess) dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	if s.secure.IsValid() {
		return load.DialFrom(ctx, from, s.secure)
	}
	return load.DialFrom(ctx, from, s.addr)
}

// URL is where a browser finds a shop: at the first edge that lives, or the shop itself.
func (w *World) URL(shop string) string {
	port := w.shop(shop).addr.Port()
	if w.front != nil {
		if first := w.front.first(); first != nil {
			port = first.addr.Port()
		}
	}
	return fmt.Sprintf("http://%s.localhost:%d", shop, port)
}

// Truth is the shop's own account of its orders.
func (w *World) Truth(shop string) (*orders.Truth, error) {
	return orders.Open("http://" + w.shop(shop).addr.String() + "/_truth")
}

// Levels are those of the shops, as an edge tells them; nil if there is none, or
// none that answers.
func (w *World) Levels(ctx context.Context) map[string]int {
	if w.front == nil {
		return nil
	}
	return w.front.levels(ctx)
}

// Break breaks a part, and returns what repairs it. Worlds without that part have
// nothing to break.
func (w *World) Break(ctx context.Context, what scenario.Break) (repair func() error, err error) {
	if w.front == nil {
		return func() error { return nil }, nil
	}
	if what == scenario.StopShops {
		return w.stopShops()
	}
	return w.front.breakPart(ctx, what)
}

// CPU is what each process has used so far, that of the drill first.
func (w *World) CPU() (all []record.Process, err error) {
	self, err := load.CPUTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	all = []record.Process{{Name: "drill (attackers and customers)", CPU: self}}
	for _, p := range w.processes() {
		if p.Alive() != nil {
			continue // it was killed on purpose, or Check says it
		}
		used, err := load.CPUTime(p.PID)
		if err != nil {
			return nil, err
		}
		all = append(all, record.Process{Name: p.Name, CPU: used})
	}
	return all, nil
}

func (w *World) processes() (all []*child.Process) {
	if w.front != nil {
		all = w.front.processes()
	}
	for _, s := range w.shops {
		all = append(all, s.Process)
	}
	return all
}

// Check returns an error if a part has ended that was not killed on purpose.
func (w *World) Check() error {
	for _, p := range w.processes() {
		if err := p.Alive(); err != nil && (w.front == nil || !w.front.isKilled(p)) {
			return err
		}
	}
	return nil
}

// Close ends everything.
func (w *World) Close() {
	for _, p := range slices.Backward(w.processes()) {
		p.Stop()
	}
}
