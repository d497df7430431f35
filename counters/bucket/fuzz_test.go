package bucket

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/sample"
)

// FuzzTake holds one bucket to its limit over any sequence of takes: never
// more than the burst and what the rate gives in that time, and a key that waited as
// long as told is admitted.
func FuzzTake(f *testing.F) {
	f.Add(int64(50e6), uint16(60), []byte{0, 0, 0, 255, 1, 128})
	f.Add(int64(1), uint16(1), []byte{0, 1, 2, 3})
	f.Add(int64(86400e9), uint16(1000), []byte{7, 7, 7})
	f.Fuzz(func(t *testing.T, every int64, burst uint16, waits []byte) {
		lim := &Limit{Interval: time.Duration(1 + uint64(every)%uint64(24*time.Hour)), Burst: int64(burst)}
		every, window := lim.terms()
		m, start := NewLocal(1), time.Unix(1_800_000_000, 0)
		now, admitted := start, int64(0)
		for i, w := range waits {
			now = now.Add(time.Duration(every / 64 * int64(w)))
			d := m.Take(sample.Key("fuzz"), lim, now)
			if d.Allowed() {
				admitted++
			} else if peek := m.Peek(sample.Key("fuzz"), lim, now.Add(d.Wait)); !peek.Allowed() {
				t.Fatalf("take %d: told to wait %s, and then %s more", i, d.Wait, peek.Wait)
			}
			if most := (window + int64(now.Sub(start))) / every; admitted > most {
				t.Fatalf("take %d: %d admitted, the limit is %d", i, admitted, most)
			}
		}
	})
}

// model is what settle.lua does, in Go.
type model struct{ tat int64 }

func (m *model) settle(now, cost, age int64) (ahead int64) {
	m.tat = max(m.tat, now-age) + cost
	return m.tat - now
}

// FuzzSettle holds several edges to the limit over any sequence of takes and
// settlements: together they admit no more than the limit and the slack of
// all but one. A settlement is on its way while others happen.
func FuzzSettle(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, uint8(seed), uint8(3*seed), seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, n, burst uint8, spread bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		nodes := int64(1 + n%5)
		lim := &Limit{Interval: time.Duration(1+random.IntN(100)) * time.Millisecond, Burst: int64(1 + burst), Spread: spread}
		every, window := lim.terms()
		var store model
		slots := make([]slot, nodes)
		for i := range slots {
			slots[i].met = spread
		}
		const start = int64(1e18)
		admitted, now := int64(0), start
		for range 3000 {
			now += random.Int64N(every/2 + 1)
			s := &slots[random.IntN(len(slots))]
			slack := lim.slack(nodes)
			if random.IntN(10) == 0 && s.owed > 0 {
				d := debt{ask: ask{lim: lim}, spent: int64(s.owed), since: min(now, s.mine-int64(s.owed)*every)}
				s.learn(d, now+store.settle(now, d.spent*every, now-d.since), every, s.cost(every, window, nodes))
				continue
			}
			s.renew(lim, now, farthest(window, nodes))
			if s.wait(now, every, window) == 0 && int64(s.owed) < slack {
				s.pay(now, s.cost(every, window, nodes), window)
				s.owe(now, every, slack)
				admitted++
			}
			most := (window+now-start)/every + (nodes-1)*slack + 1
			if admitted > most {
				t.Fatalf("%d edges admitted %d, the limit with slack is %d", nodes, admitted, most)
			}
		}
	})
}
