package counters

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// FuzzTake holds one bucket to its limit over any sequence of takes: never
// more than the burst and what the rate gives in that time, and who waited as
// long as told is admitted.
func FuzzTake(f *testing.F) {
	f.Add(int64(50e6), uint16(60), []byte{0, 0, 0, 255, 1, 128})
	f.Add(int64(1), uint16(1), []byte{0, 1, 2, 3})
	f.Add(int64(86400e9), uint16(1000), []byte{7, 7, 7})
	f.Fuzz(func(t *testing.T, every int64, burst uint16, waits []byte) {
		lim := &Limit{Interval: time.Duration(1 + uint64(every)%uint64(24*time.Hour)), Burst: int64(burst)}
		every, window := lim.terms()
		m, start := NewMemory(1), time.Unix(1_800_000_000, 0)
		now, admitted := start, int64(0)
		for i, w := range waits {
			now = now.Add(time.Duration(every / 64 * int64(w)))
			d := m.Take(keyOf("fuzz"), lim, now)
			if d.Allowed() {
				admitted++
			} else if peek := m.Peek(keyOf("fuzz"), lim, now.Add(d.Wait)); !peek.Allowed() {
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
			s.renew(lim, now, debts(window, nodes))
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

// FuzzFact reads entries as they may come from a store that others write to.
// What is taken in is within bounds, and is what tell.lua would write of it.
func FuzzFact(f *testing.F) {
	f.Add("1800000000000001 1800000000000 0 60000 level:rosen 2", int64(1_800_000_000_000))
	f.Add("1800000000000 1800000060000 a value", int64(1_800_000_030_000))
	f.Add("1 1 0 0 a ", int64(0))
	f.Add("-1 1 0 0 a 1", int64(-5))
	f.Add("9223372036854775807 9223372036854775807 9223372036854775807 9223372036854775807 a 1", int64(1))
	f.Add("1 0 ", int64(9223372036854775807))
	f.Fuzz(func(t *testing.T, text string, clock int64) {
		now := time.Unix(1_800_000_000, 0)
		for _, parse := range []func() (entry, error){
			func() (entry, error) { return parseNews(text) },
			func() (entry, error) { return parseField("a", text, clock) },
		} {
			e, err := parse()
			if err != nil {
				continue
			}
			if e.name == "" || len(e.name) > maxName || strings.Contains(e.name, " ") || len(e.value) > maxValue {
				t.Fatalf("%q is taken for the fact %q=%q", text, e.name, e.value)
			}
			if e.stamp <= 0 || e.version < 0 || e.age < 0 || e.age > maxLife || e.left > maxLife {
				t.Fatalf("%q is read as %+v", text, e)
			}
			k := e.known(now)
			if k.Told.After(now) || k.stamp != e.stamp || k.Until.IsZero() != (e.left == 0) {
				t.Fatalf("%q is kept as %+v", text, k)
			}
			again := fmt.Sprintf("%d %d %d %d %s %s", e.version, e.stamp, e.age.Milliseconds(), max(0, e.left).Milliseconds(), e.name, e.value)
			if back, err := parseNews(again); e.left >= 0 && (err != nil || back != e) {
				t.Fatalf("%q is read as %+v, and that as %+v: %v", text, e, back, err)
			}
		}
	})
}

// FuzzBan reads entries as they may come from a store that others write to.
// What is taken in is within bounds, and is what ban.lua would write of it.
func FuzzBan(f *testing.F) {
	id := place{keyOf("a"), "rosen"}.id()
	f.Add("1800000000000001 1800000000000 0 60000 limit " + id + " client")
	f.Add("1800000000000001 1800000000000 5 1 people " + place{key: keyOf("b")}.id() + " ")
	f.Add("1800000000000001 1800000000000 0 60000 lifted " + id + " " + keyText(new(keyOf("client"))))
	f.Add("1 1 0 9223372036854775807 waf " + id + " \n\xff")
	f.Add("1 1 0 1 lifted " + id + " x")
	f.Add("vouched 290000")
	f.Fuzz(func(t *testing.T, line string) {
		now := time.Unix(1_800_000_000, 0)
		r, err := parseBan(line, now)
		if err != nil {
			return
		}
		q := BanRequest{Ban: r.Ban}
		if r.version <= 0 || r.stamp <= 0 || r.Told.After(now) || q.check(now) != nil || len(r.Rule) > maxRule {
			t.Fatalf("%q is read as %+v", line, r.Ban)
		}
		if at := string(r.Shop); at != "" {
			if _, err := shop.ParseID(at); err != nil {
				t.Fatalf("%q is read as of %q", line, at)
			}
		}
		cause, text := r.cause()
		again := fmt.Sprintf("%d %d %d %d %s %s %s", r.version, r.stamp, now.Sub(r.Told).Milliseconds(), r.Until.Sub(now).Milliseconds(), cause, r.place().id(), text)
		back, err := parseBan(again, now)
		if err != nil || back.Ban != r.Ban || back.lifted != r.lifted || back.client != r.client || back.version != r.version {
			t.Fatalf("%q is read as %+v, and that as %+v: %v", line, r, back, err)
		}
		b := newBans()
		defer b.close()
		b.heard(line, now)
		if got := len(b.all(now)); got != 1 && !r.lifted || got != 0 && r.lifted {
			t.Fatalf("%q makes %d bans", line, got)
		}
	})
}

// FuzzPage reads what may come as an answer of since.lua: reading goes on only
// to what lies ahead.
func FuzzPage(f *testing.F) {
	f.Add("1800000000000002", "1800000000000001", int64(0))
	f.Add("0", "0", int64(5))
	f.Add("7", "7", int64(7))
	f.Add("9", "3", int64(3))
	f.Fuzz(func(t *testing.T, version, upTo string, after int64) {
		p, err := parsePage([]any{version, upTo, []any{"a line", int64(1)}}, after)
		if err == nil && (p.version < 0 || p.upTo > p.version || p.upTo < p.version && p.upTo <= after || len(p.lines) != 2) {
			t.Fatalf("%q up to %q after %d is read as %+v", version, upTo, after, p)
		}
	})
}
