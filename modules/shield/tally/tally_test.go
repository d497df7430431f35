package tally

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/watch"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// client is the key of the nth client, spread like a hash.
func client(n uint64) (key netkey.Key) {
	r := rand.New(rand.NewPCG(n, 1))
	binary.LittleEndian.PutUint64(key[:], r.Uint64())
	binary.LittleEndian.PutUint64(key[8:], r.Uint64())
	return key
}

// stopped are the counts of one control.
func stopped(by watch.Control) (all [watch.Controls]uint64) {
	all[by] = 1
	return all
}

// visit is one of the first client.
func visit(class shop.Class) *shop.Visit {
	return &shop.Visit{Shop: "loewen", Client: client(1), Class: class, Start: noon}
}

// one is a count of one in a stream.
func one(stream watch.Stream) (all [watch.Streams]uint64) {
	all[stream] = 1
	return all
}

// TestWhatBecomesOfARequest: each way is counted once, whatever is said twice.
func TestWhatBecomesOfARequest(t *testing.T) {
	refuse := func(v *shop.Visit, stage string) { v.Outcome = shop.Outcome{Stage: stage, Rule: "x"} }
	for name, c := range map[string]struct {
		class shop.Class
		own   bool
		goes  func(t *Tally, v *shop.Visit)
		want  watch.Counts
	}{
		"it waits": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, false)
			t.Vouch(v, false)
			t.Through(v)
			t.Through(v)
		}, want: watch.Counts{Arrived: one(watch.Page), Through: one(watch.Page), Waiting: 1, Distinct: 1}},
		"a stranger is answered": {class: shop.Search, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, false)
			t.Through(v)
			t.Answer(v, "GET", 200)
			t.Answer(v, "GET", 500)
			t.Leave(v)
		}, want: watch.Counts{Arrived: one(watch.Search), Through: one(watch.Search), Answered: 1, Distinct: 1}},
		"a customer is answered": {class: shop.API, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Answer(v, "GET", 404)
			t.Leave(v)
		}, want: watch.Counts{Arrived: one(watch.Page), Vouched: one(watch.Page), Through: one(watch.Page), Answered: 1, Customers: 1, Served: 1}},
		"a customer orders": {class: shop.Checkout, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Answer(v, "POST", 303)
		}, want: watch.Counts{
			Arrived: one(watch.Order), Vouched: one(watch.Order), Through: one(watch.Order), Answered: 1, Customers: 1, Served: 1, Orders: 1,
		}},
		"an order fails": {class: shop.Checkout, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Answer(v, "POST", 502)
		}, want: watch.Counts{Arrived: one(watch.Order), Vouched: one(watch.Order), Through: one(watch.Order), Answered: 1, Bad: 1, Customers: 1}},
		"the backend is late": {class: shop.Account, goes: func(t *Tally, v *shop.Visit) {
			v.Backend = 1001 * time.Millisecond
			t.Vouch(v, true)
			t.Answer(v, "GET", 200)
		}, want: watch.Counts{Arrived: one(watch.Account), Vouched: one(watch.Account), Through: one(watch.Account), Answered: 1, Bad: 1, Customers: 1}},
		"late is what the shop says": {class: shop.Account, goes: func(t *Tally, v *shop.Visit) {
			t.SetSlow(2 * time.Second)
			v.Backend = 1001 * time.Millisecond
			t.Vouch(v, false)
			t.Answer(v, "GET", 200)
		}, want: watch.Counts{Arrived: one(watch.Account), Through: one(watch.Account), Answered: 1, Distinct: 1}},
		"a banned client": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			refuse(v, "ban")
			t.Answer(v, "GET", 429)
			t.Stop(v)
			t.Leave(v)
		}, want: watch.Counts{Arrived: one(watch.Page), Distinct: 1, Stopped: stopped(watch.ByBan)}},
		"a stranger is challenged": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, false)
			refuse(v, "challenge")
			t.Ask(v)
			t.Answer(v, "GET", 503)
			t.Stop(v)
			t.Leave(v)
		}, want: watch.Counts{Arrived: one(watch.Page), Distinct: 1, Asked: 1, Stopped: stopped(watch.ByChallenge)}},
		"the shop is crowded": {class: shop.Cart, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			refuse(v, "limit")
			t.Crowd(v)
			t.Crowd(v)
			t.Answer(v, "GET", 429)
			t.Stop(v)
		}, want: watch.Counts{Arrived: one(watch.Order), Vouched: one(watch.Order), Crowded: 1, Customers: 1, Stopped: stopped(watch.ByLimit)}},
		"a customer is over its own limit": {class: shop.Cart, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			refuse(v, "limit")
			t.Answer(v, "GET", 429)
			t.Stop(v)
		}, want: watch.Counts{Arrived: one(watch.Order), Vouched: one(watch.Order), Stopped: stopped(watch.ByLimit)}},
		"a customer leaves at once": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Gone(v, noon.Add(time.Second))
			t.Answer(v, "GET", 499)
		}, want: watch.Counts{Arrived: one(watch.Page), Vouched: one(watch.Page), Gone: 1}},
		"a customer gives up": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Gone(v, noon.Add(10*time.Second))
		}, want: watch.Counts{Arrived: one(watch.Page), Vouched: one(watch.Page), Gone: 1, Customers: 1}},
		"it panics": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, false)
			t.Through(v)
			t.Leave(v)
		}, want: watch.Counts{Arrived: one(watch.Page), Through: one(watch.Page), Distinct: 1}},
		"an asset": {class: shop.Asset, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, false)
			t.Through(v)
			t.Answer(v, "GET", 500)
		}, want: watch.Counts{Assets: 1}},
		"an asset too many": {class: shop.Asset, goes: func(t *Tally, v *shop.Visit) {
			refuse(v, "limit")
			t.Crowd(v)
			t.Stop(v)
		}, want: watch.Counts{Assets: 1, Crowded: 1, Stopped: stopped(watch.ByLimit)}},
		"notifications too many": {class: shop.Callback, goes: func(t *Tally, v *shop.Visit) {
			refuse(v, "limit")
			t.Crowd(v)
			t.Stop(v)
		}, want: watch.Counts{Stopped: stopped(watch.ByLimit)}},
		"a partner": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			refuse(v, "limit")
			t.Crowd(v)
			t.Stop(v)
		}},
		"the challenge's own": {class: shop.Page, own: true, goes: func(t *Tally, v *shop.Visit) {
			refuse(v, "challenge")
			t.Solve(v)
			t.Answer(v, "POST", 204)
			t.Stop(v)
		}, want: watch.Counts{Solved: 1}},
		"a socket": {class: shop.Socket, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Answer(v, "GET", 101)
		}},
	} {
		tally, v := New(noon), visit(c.class)
		if name == "a partner" {
			v.Partner = new(shop.Partner)
		}
		tally.Arrive(v, c.own)
		c.goes(tally, v)
		if got := tally.Counts(noon); got != c.want {
			t.Errorf("%s:\n%+v, want\n%+v", name, got, c.want)
		}
	}
}

// TestStatus: what operators see counts every request, and what is in work.
func TestStatus(t *testing.T) {
	tally := New(noon)
	socket, page, partner := visit(shop.Socket), visit(shop.Page), visit(shop.API)
	partner.Partner = new(shop.Partner)
	for _, v := range []*shop.Visit{socket, page, partner} {
		tally.Arrive(v, false)
	}
	if n := tally.InWork(); n != 2 {
		t.Errorf("%d in work, want 2: a socket is none", n)
	}
	tally.Fail(partner)
	tally.Stop(page)
	for _, v := range []*shop.Visit{socket, page, partner} {
		tally.Leave(v)
	}
	if r, s, f, w := tally.Requests(), tally.Refused(), tally.Failed(), tally.InWork(); r != 3 || s != 1 || f != 1 || w != 0 {
		t.Errorf("%d requests, %d refused, %d failed, %d in work; want 3, 1, 1, 0", r, s, f, w)
	}
}

// pass is a request that goes all the way.
func pass(t *Tally, v *shop.Visit, vouched bool) {
	t.Arrive(v, false)
	t.Vouch(v, vouched)
	t.Through(v)
	t.Answer(v, "GET", 200)
	t.Leave(v)
}

// TestSnapshotsAddUp: while requests come and go, no part is more than its whole, no counter
// falls, and in the end all of them are there.
func TestSnapshotsAddUp(t *testing.T) {
	const workers, each = 4, 5000
	tally := New(noon)
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			for n := range each {
				v := visit(shop.Page)
				v.Client = client(uint64(w*each + n))
				pass(tally, v, n%2 == 0)
			}
		})
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	var was watch.Counts
	for open := true; open; {
		select {
		case <-done:
			open = false
		default:
		}
		is := tally.Counts(noon)
		arrived, vouched, through := is.Arrived[watch.Page], is.Vouched[watch.Page], is.Through[watch.Page]
		if vouched > arrived || through > arrived || is.Answered > arrived || is.Served > is.Customers || is.Customers > is.Answered {
			t.Fatalf("a part is more than its whole: %+v", is)
		}
		if is.Waiting > workers {
			t.Fatalf("%d wait, want at most %d", is.Waiting, workers)
		}
		if arrived < was.Arrived[watch.Page] || is.Answered < was.Answered || is.Served < was.Served {
			t.Fatalf("a counter fell: %+v after %+v", is, was)
		}
		was = is
	}
	if was.Arrived[watch.Page] != workers*each || was.Vouched[watch.Page] != workers*each/2 || was.Served != workers*each/2 || was.Waiting != 0 {
		t.Errorf("in the end: %+v", was)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	tally, v := New(noon), visit(shop.Page)
	if n := testing.AllocsPerRun(100, func() {
		v.Counted = shop.Counted{}
		pass(tally, v, false)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { tally.Counts(noon) }); n != 0 {
		t.Errorf("%v allocations of a snapshot", n)
	}
}

// BenchmarkPass is a request that goes all the way, on two goroutines.
func BenchmarkPass(b *testing.B) {
	for name, vouched := range map[string]bool{"stranger": false, "customer": true} {
		b.Run(name, func(b *testing.B) {
			tally := New(noon)
			b.ReportAllocs()
			var work sync.WaitGroup
			for g := range 2 {
				work.Go(func() {
					v := visit(shop.Page)
					for n := range b.N / 2 {
						v.Client[0], v.Client[8], v.Counted = byte(n), byte(n+g), shop.Counted{}
						pass(tally, v, vouched)
					}
				})
			}
			work.Wait()
		})
	}
}
