package watch

import (
	"math/rand/v2"
	"testing"
	"time"
)

// packets is one report of the tier: so many SYNs were dropped in all, and so many connections
// refused by the gate.
type packets struct{ boot, seq, syns, refused, scrubber uint64 }

func (p packets) report() *TierReport {
	r := &TierReport{Boot: p.boot, Seq: p.seq, Scrubber: p.scrubber}
	r.Counts.Stopped[SYN][ByScrub], r.Counts.Stopped[TLSFlood][ByGate] = p.syns, p.refused
	return r
}

// TestTierEdges walks through what arrives in each second.
func TestTierEdges(t *testing.T) {
	for name, c := range map[string]struct {
		seconds       [][]packets
		syns, refused []int
	}{
		"one edge; its first report is a base": {
			seconds: [][]packets{{{2, 7, 100, 0, 0}}, {{2, 8, 110, 1, 0}}, {{2, 9, 130, 1, 0}}},
			syns:    []int{0, 10, 20}, refused: []int{0, 1, 0},
		},
		"two edges":                 {seconds: [][]packets{{{2, 7, 0, 0, 0}, {3, 1, 5, 0, 0}}, {{2, 8, 10, 0, 0}, {3, 2, 15, 3, 0}}}, syns: []int{0, 20}, refused: []int{0, 3}},
		"one is repeated":           {seconds: [][]packets{{{2, 1, 0, 0, 0}}, {{2, 2, 10, 0, 0}, {2, 2, 10, 0, 0}}, {{2, 2, 10, 0, 0}}}, syns: []int{0, 10, 0}},
		"two out of order":          {seconds: [][]packets{{{2, 1, 0, 0, 0}}, {{2, 3, 20, 0, 0}, {2, 2, 10, 0, 0}}, {{2, 4, 30, 0, 0}}}, syns: []int{0, 20, 10}},
		"every other is lost":       {seconds: [][]packets{{{2, 1, 0, 0, 0}}, {}, {{2, 3, 20, 0, 0}}, {}, {{2, 5, 40, 0, 0}}, {}}, syns: []int{0, 0, 10, 10, 10, 10}},
		"it starts again":           {seconds: [][]packets{{{2, 5, 100, 0, 0}}, {{3, 1, 7, 0, 0}}, {{3, 2, 17, 0, 0}}}, syns: []int{0, 0, 10}},
		"its counters went back":    {seconds: [][]packets{{{2, 5, 100, 0, 0}}, {{2, 6, 3, 9, 0}}, {{2, 7, 5, 9, 0}}}, syns: []int{0, 0, 2}, refused: []int{0, 0, 0}},
		"two above one dataplane":   {seconds: [][]packets{{{2, 1, 0, 0, 9}, {3, 1, 0, 0, 9}}, {{2, 2, 10, 1, 9}, {3, 2, 10, 2, 9}}}, syns: []int{0, 10}, refused: []int{0, 3}},
		"two above two dataplanes":  {seconds: [][]packets{{{2, 1, 0, 0, 9}, {3, 1, 0, 0, 8}}, {{2, 2, 10, 1, 9}, {3, 2, 10, 2, 8}}}, syns: []int{0, 20}, refused: []int{0, 3}},
		"the first no longer reads": {seconds: [][]packets{{{2, 1, 0, 0, 9}, {3, 1, 0, 0, 9}}, {{2, 2, 0, 0, 0}, {3, 2, 10, 0, 9}}}, syns: []int{0, 10}},
		"the first of them is gone": {
			seconds: [][]packets{{{2, 1, 0, 0, 9}, {3, 1, 0, 0, 9}}, {{3, 2, 10, 0, 9}}, {{3, 3, 20, 0, 9}}, {{3, 4, 30, 0, 9}}, {{3, 5, 40, 0, 9}}},
			syns:    []int{0, 0, 0, 10, 10},
		},
		"it vanishes for 11 s": {
			seconds: [][]packets{{{2, 1, 0, 0, 0}}, {{2, 2, 10, 0, 0}}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {{2, 13, 5000, 0, 0}}, {{2, 14, 5010, 0, 0}}},
			syns:    []int{0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := TierEdges{}
			for i, messages := range c.seconds {
				now := epoch.Add(time.Duration(i) * time.Second)
				for _, m := range messages {
					e.Take(m.report(), now)
				}
				s := e.Tick(now.Add(time.Second / 2))
				if s.Arrived[SYN] != c.syns[i] || s.Stopped[SYN][ByScrub] != c.syns[i] || c.refused != nil && s.Stopped[TLSFlood][ByGate] != c.refused[i] {
					t.Errorf("second %d: %d SYNs, %d stopped, %d connections, want %v and %v", i, s.Arrived[SYN], s.Stopped[SYN][ByScrub], s.Stopped[TLSFlood][ByGate], c.syns, c.refused)
				}
			}
		})
	}
}

// TestTierLosesNothing: of three edges a quarter of the messages is lost, and others are late or
// repeated. In the end everything was counted once. A sum of what each message adds, which takes
// a lost message for a lost second, would be wrong: that is the control.
func TestTierLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	e, told, want, naive := TierEdges{}, [3]packets{}, 0, 0
	got := 0
	tick := func(now time.Time) { got += e.Tick(now).Arrived[SYN] }
	for i := range told {
		told[i] = packets{boot: uint64(i + 1), seq: 1}
		e.Take(told[i].report(), epoch)
	}
	tick(epoch)
	var late []packets
	for second := range 600 {
		now := epoch.Add(time.Duration(second+1) * time.Second)
		for _, m := range late {
			e.Take(m.report(), now)
		}
		late = late[:0]
		for i := range told {
			m, n := &told[i], random.IntN(1000)
			m.seq++
			m.syns += uint64(n)
			want += n
			switch random.IntN(8) {
			case 0, 1:
				if second < 599 {
					continue
				}
			case 2:
				late = append(late, *m)
			}
			naive += n
			e.Take(m.report(), now)
		}
		tick(now)
	}
	for second := range 10 {
		tick(epoch.Add(time.Duration(602+second) * time.Second))
	}
	if got != want || naive == want {
		t.Errorf("%d SYNs were counted, want %d; messages alone have %d", got, want, naive)
	}
}
