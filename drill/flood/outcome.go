package flood

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// outcome is what the customers saw, and what the shop reports of their orders.
type outcome struct {
	shoppers int // 0: none
	requests int
	p50      time.Duration
	p99      time.Duration
	max      time.Duration
	worked   []time.Duration // challenges that they solved, sorted
	failures map[string]int  // what kept customers from going on

	sent      int   // orders submitted
	confirmed int   // of these, by the shop to the customer
	asked     bool  // the shop was asked; the rest is its answer
	once      int   // orders that the shop has exactly once
	lost      int   // orders that the shop does not have
	doubled   int   // orders that it has more than once
	shopLost  int64 // orders of all customers that the shop counted as lost meanwhile
}

// end lets every customer finish the current trip, and looks for all orders.
func (s *shopping) end() (o outcome, err error) {
	close(s.closing)
	s.all.Wait()
	if s.Base == "" {
		return o, nil
	}
	slices.Sort(s.took)
	slices.Sort(s.worked)
	o = outcome{
		shoppers: s.Shoppers, requests: len(s.took), worked: s.worked, failures: s.failures,
		p50: quantile(s.took, 0.50), p99: quantile(s.took, 0.99), max: quantile(s.took, 1),
		sent: len(s.sent),
	}
	for _, trip := range s.sent {
		if trip.Order != "" {
			o.confirmed++
		}
	}
	if s.accounts == nil {
		return o, nil
	}
	o.asked = true
	return o, s.lookUp(&o)
}

// lookUp asks the shop for the orders. An order that the shop does not have is
// reported to it as lost.
func (s *shopping) lookUp(o *outcome) error {
	ctx := context.WithoutCancel(s.ctx) // also after Ctrl-C
	found, err := s.accounts.Orders(ctx, s.name)
	if err != nil {
		return err
	}
	for reference, trip := range s.sent {
		switch numbers := found[reference]; {
		case len(numbers) > 1:
			o.doubled++
		case len(numbers) == 1 && (trip.Order == "" || trip.Order == numbers[0]):
			o.once++
		default:
			o.lost++
			if err := s.accounts.ReportLost(ctx, trip.Draft); err != nil {
				return err
			}
		}
	}
	t, err := s.accounts.Counts(ctx)
	if err != nil {
		return err
	}
	o.shopLost = t.Orders.Lost - s.lostBefore
	return nil
}

// quantile is the value below which this part of the sorted values lies; 0 for
// none.
func quantile(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

func (o outcome) errors() (n int) {
	for _, times := range o.failures {
		n += times
	}
	return n
}

func (o outcome) report(w io.Writer) {
	if o.shoppers == 0 {
		return
	}
	fmt.Fprintf(w, "customers  %d shoppers, %d requests, %d errors\n", o.shoppers, o.requests, o.errors())
	fmt.Fprintf(w, "  latency  p50 %s, p99 %s, max %s\n", ms(o.p50), ms(o.p99), ms(o.max))
	if n := len(o.worked); n > 0 {
		fmt.Fprintf(w, "  solved   %d challenges, p50 %s, max %s\n", n, ms(quantile(o.worked, 0.50)), ms(o.worked[n-1]))
	}
	for _, text := range slices.Sorted(maps.Keys(o.failures)) {
		fmt.Fprintf(w, "  failed   %s, %d times\n", text, o.failures[text])
	}
	fmt.Fprintf(w, "  orders   %d submitted, %d confirmed", o.sent, o.confirmed)
	if o.asked {
		fmt.Fprintf(w, "; the shop has %d once, %d doubled, %d lost; it counts %d lost orders of all customers",
			o.once, o.doubled, o.lost, o.shopLost)
	}
	fmt.Fprintln(w)
}

// noticed returns an error if customers noticed the flood.
func (o outcome) noticed(p99 time.Duration) error {
	if o.shoppers == 0 {
		return nil
	}
	var effects []string
	if n := o.errors(); n > 0 {
		effects = append(effects, fmt.Sprintf("customers saw %d errors", n))
	}
	if o.lost > 0 || o.shopLost > 0 {
		effects = append(effects, fmt.Sprintf("%d orders were lost", max(int64(o.lost), o.shopLost)))
	}
	if o.doubled > 0 {
		effects = append(effects, fmt.Sprintf("%d orders were doubled", o.doubled))
	}
	if o.p99 > p99 {
		effects = append(effects, fmt.Sprintf("the customers' p99 is %s, above %s", ms(o.p99), ms(p99)))
	}
	if o.confirmed == 0 {
		effects = append(effects, "no order of a customer was confirmed")
	}
	if len(effects) == 0 {
		return nil
	}
	return errors.New(strings.Join(effects, "; "))
}
