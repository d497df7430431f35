package layer4

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/watch"
)

var epoch = time.Unix(1_800_000_000, 0)

// reading is what scrubd at an address says so many seconds after the epoch.
type reading struct {
	at       float64
	address  string
	instance string
	reasons  map[string]client.ReasonCount
}

func (r reading) take(p *packets) {
	p.take(r.address, client.Counts{Instance: r.instance, Reasons: r.reasons}, after(r.at))
}

func after(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

// dropped are so many packets for a reason.
func dropped(reason string, packets uint64) map[string]client.ReasonCount {
	return map[string]client.ReasonCount{reason: {Packets: packets}}
}

// TestReadings: what is told after each second of what was read in it.
func TestReadings(t *testing.T) {
	syn := func(at float64, n uint64) reading { return reading{at, "unix/a", "1", dropped("syn_cookie", n)} }
	for about, c := range map[string]struct {
		readings []reading
		vector   watch.Vector
		want     []uint64 // in all, after 1, 2, 3 … seconds
	}{
		"the first is a base":         {[]reading{syn(0.5, 100), syn(1.5, 107)}, watch.SYN, []uint64{0, 7, 7}},
		"two a second":                {[]reading{syn(0.1, 0), syn(0.6, 5), syn(1.1, 9), syn(1.6, 12)}, watch.SYN, []uint64{5, 12, 12}},
		"reasons of one vector add":   {[]reading{syn(0.5, 1), {1.5, "unix/a", "1", map[string]client.ReasonCount{"syn_cookie": {Packets: 2}, "syn_data": {Packets: 3}}}}, watch.SYN, []uint64{0, 4}},
		"one has no vector":           {[]reading{{0.5, "unix/a", "1", dropped("denied", 1)}, {1.5, "unix/a", "1", dropped("denied", 100)}}, watch.SYN, []uint64{0, 0}},
		"one is of a later release":   {[]reading{{0.5, "unix/a", "1", nil}, {1.5, "unix/a", "1", dropped("quantum", 100)}}, watch.SYN, []uint64{0, 0}},
		"scrubd starts again":         {[]reading{syn(0.5, 100), {1.5, "unix/a", "2", dropped("syn_cookie", 103)}}, watch.SYN, []uint64{0, 3}},
		"its counts begin at 0 again": {[]reading{syn(0.5, 100), syn(1.5, 4), syn(2.5, 9)}, watch.SYN, []uint64{0, 0, 5}},
		"a policy is gone":            {[]reading{{0.5, "unix/a", "1", dropped("icmp", 9)}, syn(1.5, 1000), syn(2.5, 1001)}, watch.SYN, []uint64{0, 0, 1}},
		"another scrubd":              {[]reading{syn(0.5, 100), {1.5, "unix/b", "1", dropped("syn_cookie", 900)}, {2.5, "unix/b", "1", dropped("syn_cookie", 901)}}, watch.SYN, []uint64{0, 0, 1}},
		"it was slow for 4 s":         {[]reading{syn(0.5, 0), syn(4.5, 40)}, watch.SYN, []uint64{0, 0, 0, 0, 10, 20, 30, 40, 40}},
		"it was gone for an hour":     {[]reading{syn(0.5, 0), syn(3.5, 0), {3603.5, "unix/a", "1", dropped("syn_cookie", 100)}}, watch.SYN, nil},
	} {
		p, next := packets{}, 0
		for i, want := range c.want {
			for ; next < len(c.readings) && c.readings[next].at < float64(i+1); next++ {
				c.readings[next].take(&p)
			}
			counts := watch.TierCounts{}
			p.addTo(&counts, after(float64(i+1)))
			if got := counts.Stopped[c.vector][watch.ByScrub]; got != want {
				t.Errorf("%s: %d after %d s, want %v", about, got, i+1, c.want)
			}
		}
		for ; next < len(c.readings); next++ {
			c.readings[next].take(&p)
		}
		if about == "it was gone for an hour" && (p.ticks != longestLate || p.late[watch.SYN][0] != 100) {
			t.Errorf("%s: %d are told over %d seconds", about, p.late[watch.SYN][0], p.ticks)
		}
	}
}

// TestMonitorStopsNothing: what scrubd only counts has arrived, and was not stopped.
func TestMonitorStopsNothing(t *testing.T) {
	p := packets{}
	for i := range uint64(2) {
		reading{float64(i), "unix/a", "1", map[string]client.ReasonCount{"udp_reflection": {Packets: i, Watched: 100 * i}}}.take(&p)
	}
	counts := watch.TierCounts{}
	p.addTo(&counts, after(1))
	if s, passed := counts.Stopped[watch.Amplification][watch.ByScrub], counts.Passed[watch.Amplification][watch.ByScrub]; s != 1 || passed != 100 {
		t.Errorf("%d stopped and %d passed, want 1 and 100", s, passed)
	}
}

// TestDataplaneHasAName, as long as it answers: others then leave its counts to this edge.
func TestDataplaneHasAName(t *testing.T) {
	p, counts := packets{}, watch.TierCounts{}
	reading{0, "unix/a", "1", nil}.take(&p)
	one := p.addTo(&counts, after(1))
	reading{1, "unix/b", "2", nil}.take(&p)
	two := p.addTo(&counts, after(2))
	if late := p.addTo(&counts, after(5)); one == 0 || one == two || late != 0 {
		t.Errorf("names %d, %d, and %d later", one, two, late)
	}
	reading{6, "unix/b", "", nil}.take(&p)
	if got := p.addTo(&counts, after(6)); got != 0 {
		t.Errorf("one without an instance is called %d", got)
	}
}
