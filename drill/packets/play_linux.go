package packets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/attack"
	"github.com/theriac-edge/theriac/drill/customer"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/orders"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/scrub/lab"
)

// playing is a run that goes on.
type playing struct {
	Options
	yard   *yard
	begin  time.Time
	record *record.Recorder
	routed map[string][]scenario.Window // null routes, by shop

	end func(error) // of everything, before its time
}

// patience is how long customers may take to end their visits after the last second.
const patience = 20 * time.Second

// In runs the scenario in a world, and judges it if that is the shield.
func In(ctx context.Context, o Options) (run *record.Run, err error) {
	y, err := open(ctx, o)
	defer func() { err = errors.Join(err, y.close()) }()
	if err != nil {
		return nil, err
	}
	p := &playing{Options: o, yard: y, routed: make(map[string][]scenario.Window)}
	if run, err = p.play(ctx); err != nil {
		return nil, err
	}
	run.World = o.Kind
	run.Notes = []string{"Everything happened in network namespaces; the link of the shops bears " + linkRate + " behind the network card."}
	switch o.Kind {
	case world.Blackhole:
		run.Notes = append(run.Notes, "The null routes were real ones, in the namespace of the internet.")
	case world.Shield:
		run.Notes = append(run.Notes, "The shield was scrubd alone, without edges.")
		run.Judge(&o.Scenario.Targets)
	}
	return run, nil
}

// play is the run itself.
func (p *playing) play(ctx context.Context) (*record.Run, error) {
	schedule := p.Scenario.Schedule()
	var shops []string
	for _, s := range p.yard.shops {
		shops = append(shops, s.name)
	}
	if err := load.AllowFiles(8*load.MaxShoppers + 512); err != nil {
		return nil, err
	}
	p.begin = time.Now().Add(200 * time.Millisecond)
	p.record = record.New(p.begin, schedule.Length, shops)
	if p.Kind == world.Blackhole {
		for _, name := range shops {
			p.routed[name] = p.Scenario.Blackholes(name)
			for _, w := range p.routed[name] {
				p.record.Blackhole(name, w.From, w.To)
			}
		}
	}
	people := &customer.Customers{
		Settings: p.Scenario.Customers, Visits: schedule.Visits, Host: attack.HostOf, Dial: p.yard.dial,
		Name: fmt.Sprintf("drill-%08x", rand.Uint32()), Begin: p.begin, End: p.begin.Add(schedule.Length), Record: p.record,
	}
	watchdog := load.Watch(p.begin)
	turnedAway, err := p.all(ctx, people, schedule)
	late, worst := watchdog.Stop()
	if err != nil {
		return nil, err
	}
	used, err := p.processes()
	if err != nil {
		return nil, err
	}
	for _, s := range p.yard.shops {
		truth, err := orders.Open(s.truth)
		if err != nil {
			return nil, err
		}
		if err := people.Orders(ctx, s.name, truth); err != nil {
			return nil, err
		}
	}
	run := p.record.Finish(schedule.Length)
	run.Generator = record.Generator{LateSeconds: late, WorstLate: worst.Round(time.Millisecond).String(), Busy: turnedAway}
	run.Processes = used
	return run, nil
}

// all has everything go on at the same time, until the last customer has left.
func (p *playing) all(ctx context.Context, people *customer.Customers, schedule *scenario.Schedule) (turnedAway int, err error) {
	limit, cancel := context.WithDeadline(ctx, p.begin.Add(schedule.Length+patience))
	defer cancel()
	var mu sync.Mutex
	var errs []error
	p.end = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
		cancel()
	}
	during, stop := context.WithDeadline(limit, p.begin.Add(schedule.Length))
	defer stop()
	var everything sync.WaitGroup
	everything.Go(func() { turnedAway = people.Run(limit) })
	everything.Go(func() {
		for _, w := range schedule.Pulses {
			if err := p.attack(during, w); err != nil {
				p.end(err)
			}
		}
	})
	for name, windows := range p.routed {
		everything.Go(func() {
			for _, w := range windows {
				p.nullRoute(during, name, w)
			}
		})
	}
	everything.Go(func() {
		for second := time.Second; p.until(during, second-100*time.Millisecond); second += time.Second {
			if p.Progress != nil {
				p.Progress(p.record, second)
			}
		}
	})
	everything.Wait()
	if ctx.Err() != nil {
		return 0, errors.New("interrupted")
	}
	if p.yard.scrubd != nil {
		errs = append(errs, p.yard.scrubd.Alive())
	}
	return turnedAway, errors.Join(errs...)
}

// until waits for a time of the run, and reports whether it came.
func (p *playing) until(ctx context.Context, at time.Duration) bool {
	select {
	case <-time.After(time.Until(p.begin.Add(at))):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// isRouted reports whether packets to a shop vanish then.
func (p *playing) isRouted(shop string, at time.Duration) bool {
	for _, w := range p.routed[shop] {
		if w.From <= at && at < w.To {
			return true
		}
	}
	return false
}

// nullRoute has the internet discard what is sent to a shop: if its network is bombed, what
// is sent to that.
func (p *playing) nullRoute(ctx context.Context, shop string, w scenario.Window) {
	if !p.until(ctx, w.From) {
		return
	}
	prefixes := []string{p.yard.shop(shop).addr.Addr().String() + "/32"}
	for _, wave := range p.Scenario.Waves {
		if wave.Vector == scenario.Carpet && wave.At.D() <= w.From && w.From < (wave.At+wave.For).D() {
			half := lab.ShopNet4.Addr().As4()
			half[3] = 128
			prefixes = []string{lab.ShopNet4.Addr().String() + "/25", fmt.Sprintf("%d.%d.%d.%d/25", half[0], half[1], half[2], half[3])}
		}
	}
	for _, prefix := range prefixes {
		if err := p.route("add", prefix); err != nil {
			p.end(err)
		}
		defer func() {
			if err := p.route("del", prefix); err != nil {
				p.end(err)
			}
		}()
	}
	p.until(ctx, w.To)
}

func (p *playing) route(do, prefix string) error {
	out, err := exec.Command("ip", "-n", p.yard.Internet.Name, "route", do, "blackhole", prefix).CombinedOutput()
	if err != nil {
		return fmt.Errorf("null-routing %s: %w: %s", prefix, err, out)
	}
	return nil
}

// processes are the drill, which has the shops in it, and scrubd.
func (p *playing) processes() (all []record.Process, err error) {
	used, err := load.CPUTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	all = []record.Process{{Name: "drill (attackers, customers and shops)", CPU: used}}
	if p.yard.scrubd == nil {
		return all, nil
	}
	if used, err = load.CPUTime(p.yard.scrubd.PID); err != nil {
		return nil, err
	}
	return append(all, record.Process{Name: "scrubd", CPU: used}), nil
}
