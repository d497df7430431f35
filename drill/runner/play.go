package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/customer"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/world"
)

// playing is a run that goes on.
type playing struct {
	*Drill
	world    *world.World
	schedule *scenario.Schedule
	begin    time.Time
	record   *record.Recorder

	end func() // of everything, before its time

	mu        sync.Mutex
	errs      []error
	generator record.Generator
}

// failed ends the run: there is no report of half a drill.
func (p *playing) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
	p.end()
}

// until waits for a time of the run, and reports whether it came.
func (p *playing) until(ctx context.Context, at time.Duration) bool {
	select {
	case <-time.After(time.Until(p.begin.Add(at))):
		return true
	case <-ctx.Done():
		return false
	}
}

// all runs everything, and sums up.
func (p *playing) all(ctx context.Context, people *customer.Customers, attacks []wave) (*record.Run, error) {
	before, err := p.world.CPU()
	if err != nil {
		return nil, err
	}
	watchdog := load.Watch(p.begin)
	limit, cancel := context.WithDeadline(ctx, p.begin.Add(p.schedule.Length+patience))
	defer cancel()
	p.end = cancel
	during, stop := context.WithDeadline(limit, p.begin.Add(p.schedule.Length))
	defer stop()
	var everything sync.WaitGroup
	turnedAway := 0
	everything.Go(func() { turnedAway = people.Run(limit) })
	for _, w := range attacks {
		everything.Go(func() {
			if p.until(during, w.at) {
				w.attack.Run(limit, p.record)
			}
		})
	}
	for _, c := range p.schedule.Chaos {
		everything.Go(func() { p.breakAndRepair(ctx, during, c) })
	}
	everything.Go(func() { p.watchLevels(during) })
	if p.Beside != nil {
		everything.Go(func() {
			if err := p.Beside(limit, p.world.URL); err != nil {
				p.failed(err)
			}
		})
	}
	var after []record.Process
	everything.Go(func() {
		<-during.Done()
		late, worst := watchdog.Stop()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.generator = record.Generator{LateSeconds: late, WorstLate: worst.Round(time.Millisecond).String()}
	})
	everything.Wait()
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	if err := errors.Join(append(p.errs, p.world.Check())...); err != nil {
		return nil, err
	}
	if after, err = p.world.CPU(); err != nil {
		return nil, err
	}
	for _, s := range p.Scenario.Shops {
		truth, err := p.world.Truth(s.Name)
		if err != nil {
			return nil, err
		}
		if err := people.Orders(ctx, s.Name, truth); err != nil {
			return nil, err
		}
	}
	result := p.record.Finish(p.schedule.Length)
	result.Generator = p.generator
	result.Generator.Busy, result.Generator.Queued = turnedAway, p.record.Queued()
	result.Processes = used(before, after)
	return result, nil
}

// used is what each process used meanwhile. One that was started meanwhile has used all
// that it has.
func used(before, after []record.Process) []record.Process {
	for i := range after {
		for _, b := range before {
			if b.Name == after[i].Name && b.CPU <= after[i].CPU {
				after[i].CPU -= b.CPU
			}
		}
	}
	return after
}

// breakAndRepair breaks a part of the world, and repairs it in time or at the end.
func (p *playing) breakAndRepair(ctx, during context.Context, c scenario.Chaos) {
	if !p.until(during, c.At.D()) {
		return
	}
	repair, err := p.world.Break(ctx, c.Do)
	if err != nil {
		p.failed(fmt.Errorf("chaos at %s: %w", c.At, err))
		return
	}
	if c.For > 0 {
		p.until(during, (c.At + c.For).D())
	} else {
		<-during.Done()
	}
	if err := repair(); err != nil {
		p.failed(fmt.Errorf("repairing after the chaos at %s: %w", c.At, err))
	}
}

// watchLevels records the levels of each second, and shows the progress.
func (p *playing) watchLevels(during context.Context) {
	for second := time.Duration(0); p.until(during, second+900*time.Millisecond); second += time.Second {
		at := p.begin.Add(second + time.Millisecond)
		ctx, cancel := context.WithTimeout(during, 900*time.Millisecond)
		for shop, level := range p.world.Levels(ctx) {
			p.record.Level(shop, at, level)
		}
		cancel()
		if p.Progress != nil {
			p.Progress(p.record, second+time.Second)
		}
	}
}
