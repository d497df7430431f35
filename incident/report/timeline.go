package report

import (
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/watch"
)

// maxBuckets is how many points a plot has at most: about one for each of its pixels.
const maxBuckets = 600

// timeline is the sum of the series of all shops, in steps of equal length.
type timeline struct {
	from    time.Time
	step    int // seconds
	seconds int // in all

	arrived, through, customers, served []float64
	level                               []int64
	stopped                             [watch.Controls][]float64

	blank []int // seconds of each step that are in a gap
}

func newTimeline(r *incident.Record) *timeline {
	t := &timeline{from: r.Until}
	for _, s := range r.Shops {
		t.from = incident.Earlier(t.from, s.From)
	}
	t.seconds = int(r.Until.Sub(t.from)/time.Second) + 1
	t.step = (t.seconds + maxBuckets - 1) / maxBuckets
	n := (t.seconds + t.step - 1) / t.step
	t.level = make([]int64, n)
	t.blank = make([]int, n)
	for _, g := range r.Gaps {
		begin := int(g.From.Sub(t.from) / time.Second)
		for at := max(0, begin); at < min(begin+g.Seconds(), t.seconds); at++ {
			t.blank[at/t.step]++
		}
	}
	for _, column := range []*[]float64{&t.arrived, &t.through, &t.customers, &t.served} {
		*column = make([]float64, n)
	}
	for _, s := range r.Shops {
		t.add(&s.Series.Fine)
		t.add(&s.Series.Coarse)
	}
	return t
}

// add spreads each point over the steps that it covers.
func (t *timeline) add(p *incident.Part) {
	begin := int(p.From.Sub(t.from) / time.Second)
	for i := range p.Points() {
		from, length := begin+i*p.Every, p.Every
		if i == p.Points()-1 && p.Filled > 0 {
			length = p.Filled
		}
		end := min(from+length, t.seconds)
		for at := max(from, 0); at < end; {
			bucket := at / t.step
			next := min((bucket+1)*t.step, end)
			share := float64(next-at) / float64(length)
			t.arrived[bucket] += share * float64(p.Arrived[i])
			t.through[bucket] += share * float64(p.Through[i])
			t.customers[bucket] += share * float64(p.Customers[i])
			t.served[bucket] += share * float64(p.Served[i])
			t.level[bucket] = max(t.level[bucket], p.Level[i])
			for c := range t.stopped {
				if column := p.Stopped[watch.Control(c).String()]; column != nil {
					if t.stopped[c] == nil {
						t.stopped[c] = make([]float64, len(t.level))
					}
					t.stopped[c][bucket] += share * float64(column[i])
				}
			}
			at = next
		}
	}
}

// length is for how many seconds of a step there is data.
func (t *timeline) length(bucket int) float64 {
	return float64(max(0, min(t.step, t.seconds-bucket*t.step)-t.blank[bucket]))
}

// at is when a step begins.
func (t *timeline) at(bucket int) time.Time {
	return t.from.Add(time.Duration(bucket*t.step) * time.Second)
}

// rates makes sums of steps to rates, -1 where there is no data.
func (t *timeline) rates(sums []float64) []float64 {
	rates := make([]float64, len(sums))
	for i, sum := range sums {
		rates[i] = -1
		if n := t.length(i); n > 0 {
			rates[i] = sum / n
		}
	}
	return rates
}

// sharesOver is the time over which the share of requests that were served well is taken: that
// of a second with one customer is all or nothing.
const sharesOver = 10

// shares returns the percentage of requests that were served well around each step, or -1
// where there were none.
func (t *timeline) shares() []float64 {
	reach := sharesOver / 2 / t.step
	shares := make([]float64, len(t.customers))
	for i := range shares {
		var customers, served float64
		for j := max(0, i-reach); j <= min(i+reach, len(shares)-1); j++ {
			customers += t.customers[j]
			served += t.served[j]
		}
		shares[i] = -1
		if customers > 0.5 && t.length(i) > 0 {
			shares[i] = min(100, 100*served/customers)
		}
	}
	return shares
}

// rowsOf groups the steps into at most so many rows of a table, of round lengths.
func (t *timeline) rowsOf(most int) (size int) {
	for _, seconds := range []int{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400} {
		if seconds%t.step == 0 && t.seconds <= most*seconds {
			return seconds / t.step
		}
	}
	return (len(t.level) + most - 1) / most
}
