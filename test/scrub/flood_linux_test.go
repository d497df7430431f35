package scrub

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
)

// yardPolicy is narrow, so that what a budget lets through in two seconds is
// less than a hundredth of a flood.
const yardPolicy = `
interfaces: [internet]
deny: [192.0.2.0/24, "2001:db8:dead::/64"]
policies:
  - name: shop
    protect: [203.0.113.10, "2001:db8:113::10"]
    tcp: [80, 8443]
    udp: [5000]
    quic: [443]
    budgets: {syn: 50/s, out_of_state: 50/s, unverified: 100/s, unverified_net: unlimited, icmp: 20/s, quic_initial: 20/s, verified_source: 500/s, unverified_source: unlimited}
  - name: busy
    protect: [203.0.113.30, "2001:db8:113::30"]
    tcp: [80]
    udp: [5000]
    budgets: {syn: 50/s, unverified: unlimited, unverified_net: unlimited, unverified_source: 100/s}
  - name: net
    protect: [203.0.113.0/24, "2001:db8:113::/64"]
    tcp: [80, 8443]
    udp: [5000]
    budgets: {syn: 50/s, syn_net: 50/s, unverified: 10000/s, unverified_net: 100/s, unverified_source: unlimited}
`

const yardPolicyOff = `
interfaces: [internet]
modes: {malformed: "off", land: "off", flags: "off"}
policies:
  - name: shop
    protect: [203.0.113.0/24, "2001:db8:113::/64"]
    mode: "off"
`

// Attacks last this long and come this fast; a test is void below floor.
const (
	burstTime  = 2 * time.Second
	burstRate  = 300_000
	burstFloor = 200_000
)

// While any attack runs every visit succeeds, nearly every packet of it is
// counted under its reason, and none comes through but what budgets allow. With
// the scrubber off all of it comes through.
func TestFloodsEndInTheScrubber(t *testing.T) {
	y := newYard(t)
	y.open(t)
	s := y.protect(t, yardPolicy)
	for _, bot := range []struct {
		from netip.Addr
		to   string
	}{{lab.Bot4, lab.Shop4.String() + ":80"}, {lab.Bot6, "[" + lab.Shop6.String() + "]:80"}} {
		conn, err := y.Client.Dial(t.Context(), netip.AddrPortFrom(bot.from, lab.BotPort), "tcp", bot.to)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for _, v := range lab.Vectors() {
		t.Run("on/"+v.Name, func(t *testing.T) { withScrubber(t, y, s, v) })
	}
	y.apply(t, s, yardPolicyOff)
	for _, v := range lab.Vectors() {
		t.Run("off/"+v.Name, func(t *testing.T) { withoutScrubber(t, y, v) })
	}
}

func withScrubber(t *testing.T, y *yard, s *scrub.Scrubber, v lab.Vector) {
	var before map[string]uint64
	var b siege
	for range 3 { // another process may have the processors for a while
		before = tallies(t, s)
		if b = y.besiege(t, v, burstRate, burstTime, 20); b.PerSecond() >= burstFloor {
			break
		}
	}
	if b.PerSecond() < burstFloor {
		t.Errorf("only %.0f packets a second arrived, which proves nothing", b.PerSecond())
	}
	for _, err := range b.visits {
		t.Error(err)
	}
	counted, arrived := since(tallies(t, s), before), b.Packets-b.Lost
	if n := counted[v.Reason]; float64(n) < 0.99*float64(arrived) {
		t.Errorf("%d of %d are counted as %s; counted are %v", n, arrived, v.Reason, counted)
	}
	through := comeThrough(v, b.reached)
	if v.Bounded && through > arrived/100 || !v.Bounded && through > 0 {
		t.Errorf("%d of %d came through; counted are %v", through, arrived, counted)
	}
	// The addresses that attackers claim hear of it only by cookies, and by what the
	// edge's own stack has to say to what came through.
	cookies := counted["syn_cookie"]
	if n := b.answered.Strangers; n > cookies+through || v.Reason == "syn_cookie" && n < cookies*99/100 {
		t.Errorf("%d answers to strangers, after %d cookies and %d packets that came through", n, cookies, through)
	}
	t.Logf("%.0f a second, %v each, %d lost, %d came through; counted are %v", b.PerSecond(), b.PerPacket(), b.Lost, through, counted)
}

func withoutScrubber(t *testing.T, y *yard, v lab.Vector) {
	before, _ := y.seen(t)
	sent := y.send(t, v, 50_000, 200*time.Millisecond)
	now, _ := y.seen(t)
	arrived, through := sent.Packets-sent.Lost, comeThrough(v, now.Since(before))
	if float64(through) < 0.99*float64(arrived) {
		t.Errorf("%d of %d came through, want all", through, arrived)
	}
}

// comeThrough is how much of the vector the edge's own stack has seen.
func comeThrough(v lab.Vector, reached lab.Seen) uint64 {
	if v.Bots {
		return reached.Bots
	}
	return reached.Strangers
}

// A shop behind the scrubber does not notice a SYN flood; one whose stack sends no
// cookies either is closed to everybody.
func TestSYNFloodDoesNotCloseTheShop(t *testing.T) {
	const customers = 100
	for name, protected := range map[string]bool{"with the scrubber": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.open(t)
			for _, err := range y.visits(t.Context(), customers, 0, patience) {
				t.Errorf("without a flood: %v", err)
			}
			if protected {
				y.protect(t, yardPolicy)
			} else if err := errors.Join(y.Edge.Set("net.ipv4.tcp_syncookies", "0"), y.Forget()); err != nil {
				t.Fatal(err)
			}
			b := y.besiege(t, vector(t, "SYN flood"), burstRate, burstTime, customers)
			if protected && len(b.visits) > 0 || !protected && len(b.visits) < customers {
				t.Errorf("%d of %d visits failed: %v", len(b.visits), customers, errors.Join(b.visits...))
			}
			t.Logf("%.0f a second, %v each, %d visits failed", b.PerSecond(), b.PerPacket(), len(b.visits))
		})
	}
}

func vector(t *testing.T, name string) lab.Vector {
	t.Helper()
	for _, v := range lab.Vectors() {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no vector is called %q", name)
	return lab.Vector{}
}
