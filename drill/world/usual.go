package world

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/watch"
)

// What a customer of the drill asks for in one visit: it looks at the front page, the
// results of a search and a product; one that buys fills a cart, opens the form, sends
// it, and reads the confirmation.
const (
	visitPages    = 2
	visitSearches = 1
	visitOrders   = 4  // of those that buy
	visitAssets   = 21 // the first page has nearly all
)

// teach keeps what edges have learned of the shops whose usual customers the scenario names: a
// month in which all hours were alike. Of the others they know nothing, as of new shops.
func (w *World) teach(ctx context.Context, redis string) error {
	baselines := make(map[string]*watch.Baseline)
	for i := range w.Scenario.Shops {
		if p := &w.Scenario.Shops[i]; p.Usual > 0 {
			baselines[p.Name] = usual(p, &w.Scenario.Customers)
		}
	}
	return Teach(ctx, redis, baselines)
}

// Teach keeps in the store, before any edge starts, what edges have learned of shops.
func Teach(ctx context.Context, redis string, baselines map[string]*watch.Baseline) (err error) {
	store, err := counters.NewRedis(counters.RedisOptions{Options: tier.Options{Addresses: []string{redis}, Node: "teacher"}, Memory: 1 << 20})
	if err != nil {
		return fmt.Errorf("teaching what is usual: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	store.Start()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for name, baseline := range baselines {
		value, err := baseline.MarshalBinary()
		if err != nil {
			return fmt.Errorf("teaching what is usual at %s: %w", name, err)
		}
		record := counters.Record{ID: name, Value: value, At: time.Now()}
		for err = store.Keep(ctx, "baseline", record, 24*time.Hour); err != nil; err = store.Keep(ctx, "baseline", record, 24*time.Hour) {
			if ctx.Err() != nil {
				return fmt.Errorf("teaching what is usual at %s: %w", name, err)
			}
			time.Sleep(20 * time.Millisecond) // the connection is not open yet
		}
	}
	return nil
}

// usual is what edges have learned of a shop after four weeks of such customers.
func usual(p *scenario.Shop, c *scenario.Customers) *watch.Baseline {
	return Learned(func(second int) watch.Second { return ordinary(float64(p.Usual), c, second) })
}

// Learned is what edges have learned of a shop after four weeks, of whose hours each begins
// with such seconds.
func Learned(of func(second int) watch.Second) *watch.Baseline {
	flat := watch.DefaultPrior()
	for h := range flat.Shape {
		flat.Shape[h] = 1
	}
	b := watch.NewBaseline(flat)
	const weeks, seconds = 4, 1200 // of each hour: as few as it learns from
	for hour := range weeks * 7 * 24 {
		for second := range seconds {
			s := of(second)
			b.Note(&s, 0, false, false)
		}
		b.Hour(hour)
	}
	return b
}

// ordinary is one second with that many visits.
func ordinary(visits float64, c *scenario.Customers, second int) (s watch.Second) {
	count := func(rate float64) int { return int(rate*float64(second+1)) - int(rate*float64(second)) }
	known, buy := float64(c.Known), float64(c.Buy)
	s.Strangers[watch.Page] = count(visits * (1 - known))
	s.Through[watch.Page] = count(visits * visitPages)
	s.Through[watch.Search] = count(visits * visitSearches)
	s.Through[watch.Order] = count(visits * visitOrders * buy)
	s.Orders = count(visits * buy)
	if c.Pictures {
		s.Assets = count(visits * visitAssets)
	}
	for j := range watch.Streams {
		s.Vouched[j] = max(0, s.Through[j]-s.Strangers[j])
		s.Answered += s.Through[j]
	}
	s.Distinct = int(10 * visits * (1 - known))
	return s
}
