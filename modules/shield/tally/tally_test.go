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
		}, want: watch.Counts{Arrived: one(watch.Search), Through: one(watch.Search), Answered: 1, Distinct: 1}},
		"a customer is answered": {class: shop.API, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, true)
			t.Answer(v, "GET", 404)
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
		}, want: watch.Counts{Arrived: one(watch.Page), Distinct: 1, Stopped: stopped(watch.ByBan)}},
		"a stranger is challenged": {class: shop.Page, goes: func(t *Tally, v *shop.Visit) {
			t.Vouch(v, false)
			refuse(v, "challenge")
			t.Ask()
			t.Answer(v, "GET", 503)
			t.Stop(v)
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
			t.Solve()
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
		if name != "it waits" {
			tally.Leave(v)
		}
		if got := tally.Counts(noon); got != c.want {
			t.Errorf("%s:\n%+v, want\n%+v", name, got, c.want)
		}
	}
}

// TestStatus: what operators see counts every request, and what is in work.
func TestStatus(t *testing.T) {
	tally := New(noon)
	socket, page, partner, asset := visit(shop.Socket), visit(shop.Page), visit(shop.API), visit(shop.Asset)
	partner.Partner = new(shop.Partner)
	all := []*shop.Visit{socket, page, partner, asset}
	for _, v := range all {
		tally.Arrive(v, false)
	}
	if n := tally.InWork(); n != 3 {
		t.Errorf("%d in work, want 3: a socket is none", n)
	}
	tally.Fail()
	tally.Stop(page)
	partner.Outcome.Stage = "limit"
	tally.Stop(partner)
	for _, v := range all {
		tally.Leave(v)
	}
	if r, s, f, w := tally.Requests(), tally.Refused(), tally.Failed(), tally.InWork(); r != 4 || s != 2 || f != 1 || w != 0 {
		t.Errorf("%d requests, %d refused, %d failed, %d in work; want 4, 2, 1, 0", r, s, f, w)
	}
}

// TestSending: an answer of several writes is answered before it is over.
func TestSending(t *testing.T) {
	tally, v := New(noon), visit(shop.Page)
	is := func(when string, waiting uint32, answered uint64, inWork, over int64) {
		t.Helper()
		c, w, o := tally.Counts(noon), tally.InWork(), tally.Requests()
		if c.Waiting != waiting || c.Answered != answered || w != inWork || o != over {
			t.Errorf("%s: %d wait, %d are answered, %d in work, %d over; want %d, %d, %d, %d",
				when, c.Waiting, c.Answered, w, o, waiting, answered, inWork, over)
		}
	}
	tally.Arrive(v, false)
	tally.Send(v)
	is("before its answer", 1, 0, 1, 0)
	tally.Answer(v, "GET", 200)
	tally.Send(v)
	tally.Send(v)
	is("while its answer is sent", 0, 1, 1, 0)
	tally.Leave(v)
	is("in the end", 0, 1, 0, 1)

	v = visit(shop.Page)
	tally.Arrive(v, false)
	v.Outcome.Stage = "limit"
	tally.Answer(v, "GET", 429)
	tally.Send(v)
	is("while a refusal is sent", 0, 1, 1, 1)
	tally.Leave(v)
	is("after it", 0, 1, 0, 2)
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

// TestNoneIsLost: whatever becomes of many requests at once, each is in the counts.
func TestNoneIsLost(t *testing.T) {
	const workers, each = 8, 4000
	tally := New(noon)
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for n := range each {
				v := visit(shop.Search)
				tally.Arrive(v, false)
				tally.Vouch(v, n%2 == 0)
				switch n % 4 {
				case 0:
					tally.Answer(v, "GET", 500)
					tally.Send(v)
				case 1:
					v.Outcome.Stage = "limit"
					tally.Answer(v, "GET", 429)
					tally.Stop(v)
				case 2:
					tally.Through(v)
					tally.Answer(v, "GET", 200)
				case 3:
					tally.Gone(v, noon)
					tally.Send(v)
				}
				tally.Leave(v)
			}
		})
	}
	work.Wait()
	const part = workers * each / 4
	want := watch.Counts{Answered: 2 * part, Bad: part, Customers: 2 * part, Served: part, Gone: part, Stopped: stopped(watch.ByLimit), Distinct: 1}
	want.Arrived[watch.Search], want.Vouched[watch.Search], want.Through[watch.Search] = 4*part, 2*part, 2*part
	want.Stopped[watch.ByLimit] = part
	if got := tally.Counts(noon); got != want {
		t.Errorf("%+v, want\n%+v", got, want)
	}
	if r, s, w := tally.Requests(), tally.Refused(), tally.InWork(); r != 4*part || s != part || w != 0 {
		t.Errorf("%d requests, %d refused, %d in work; want %d, %d, 0", r, s, w, 4*part, part)
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
			for range 2 {
				work.Go(func() {
					v := visit(shop.Page)
					for n := range b.N / 2 {
						v.Client[0], v.Counted = byte(n), shop.Counted{}
						pass(tally, v, vouched)
					}
				})
			}
			work.Wait()
		})
	}
}
