package client

import (
	"errors"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
)

// agrees is the response of a daemon that applies everything.
var agrees = SyncResponse{Instance: "a"}

// TestBansAreBounded: what does not fit is counted and left out.
func TestBansAreBounded(t *testing.T) {
	c := idle()
	for n := range MaxBans + 10 {
		c.Push(source(n), lasting(time.Minute))
	}
	if got := c.Status(); got.Bans != MaxBans || got.Pending != MaxBans || got.Overflow != 10 {
		t.Errorf("the status is %+v", got)
	}
}

// TestLiftedIsBounded: bans come and go for as long as the daemon acknowledges
// nothing.
func TestLiftedIsBounded(t *testing.T) {
	c := idle()
	sendAll := func() (batches []batch) {
		for more := true; more; {
			b := c.batchOf(time.Now())
			batches, more = append(batches, b), b.more
		}
		return batches
	}
	const more = 100
	for _, part := range [][2]int{{0, MaxBans}, {MaxBans, MaxBans + more}} {
		for n := part[0]; n < part[1]; n++ {
			c.Push(source(n), lasting(time.Minute))
		}
		sent := sendAll()
		for n := part[0]; n < part[1]; n++ {
			c.Lift(source(n))
		}
		for _, b := range sent {
			c.failed(b, errors.New("no answer"))
		}
	}
	if got := c.Status(); got.Pending != MaxBans || got.Overflow != more || len(c.entries) != MaxBans {
		t.Errorf("%d are pending, %d were left out, %d entries", got.Pending, got.Overflow, len(c.entries))
	}
}

// TestNeverSentIsNeverLifted: what the daemon cannot know it is not told of.
func TestNeverSentIsNeverLifted(t *testing.T) {
	c := idle()
	c.Push(source(0), lasting(time.Minute))
	c.Lift(source(0))
	if got := c.batchOf(time.Now()); len(got.bans) != 0 || len(c.entries) != 0 {
		t.Errorf("sent: %v, %d entries stay", got.bans, len(c.entries))
	}
}

// TestUnansweredIsLifted: a daemon that did not answer may have applied the ban.
func TestUnansweredIsLifted(t *testing.T) {
	c := idle()
	c.Push(source(0), lasting(time.Minute))
	c.failed(c.batchOf(time.Now()), errors.New("no answer"))
	c.Lift(source(0))
	sent := c.batchOf(time.Now())
	if len(sent.bans) != 1 || !sent.bans[0].Lifts() {
		t.Fatalf("sent: %v, want the lifting", sent.bans)
	}
	c.apply(sent, agrees, time.Now())
	if got := c.batchOf(time.Now()); len(got.bans) != 0 || len(c.entries) != 0 {
		t.Errorf("after the answer: %v, %d entries stay", got.bans, len(c.entries))
	}
}

// TestChangedWhileSent: what changes while a request is on its way is sent with
// the next one.
func TestChangedWhileSent(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Client)
		want   func(PushedBan) bool
	}{
		"lifted":          {func(c *Client) { c.Lift(source(0)) }, func(p PushedBan) bool { return p.Lifts() }},
		"made longer":     {func(c *Client) { c.Push(source(0), lasting(time.Hour)) }, func(p PushedBan) bool { return time.Until(p.Until) > time.Minute }},
		"lifted and back": {func(c *Client) { c.Lift(source(0)); c.Push(source(0), lasting(time.Hour)) }, func(p PushedBan) bool { return time.Until(p.Until) > time.Minute }},
	} {
		t.Run(what, func(t *testing.T) {
			edge := idle()
			edge.Push(source(0), lasting(time.Minute))
			sent := edge.batchOf(time.Now())
			c.change(edge)
			edge.apply(sent, agrees, time.Now())
			next := edge.batchOf(time.Now())
			if len(next.bans) != 1 || !c.want(next.bans[0]) {
				t.Fatalf("sent next: %v", next.bans)
			}
			edge.apply(next, agrees, time.Now())
			if last := edge.batchOf(time.Now()); len(last.bans) != 0 {
				t.Errorf("in the end: %v", last.bans)
			}
		})
	}
}

// TestAnswerOfTheOneBefore: a response that comes after a reload says nothing of
// the new daemon.
func TestAnswerOfTheOneBefore(t *testing.T) {
	c := idle()
	c.Push(source(0), lasting(time.Minute))
	sent := c.batchOf(time.Now())
	c.Use("unix//elsewhere", func() map[netip.Prefix]ban.Ban { return map[netip.Prefix]ban.Ban{source(0): lasting(time.Minute)} })
	c.apply(sent, agrees, time.Now())
	if got := c.batchOf(time.Now()); len(got.bans) != 1 || c.Status().Answers {
		t.Errorf("sent to the new one: %v; it answers: %v", got.bans, c.Status().Answers)
	}
}

// TestLongBansArePushedAgain: a ban that lasts longer than the daemon holds one is
// pushed again in time, and not before.
func TestLongBansArePushedAgain(t *testing.T) {
	c := idle()
	c.Push(source(0), lasting(24*time.Hour))
	c.apply(c.batchOf(time.Now()), agrees, time.Now())
	for _, step := range []struct {
		at   time.Duration
		want int
	}{{pushAgainEvery / 2, 0}, {pushAgainEvery + time.Minute, 1}} {
		c.apply(batch{address: c.address}, agrees, time.Now().Add(step.at))
		if got := c.batchOf(time.Now()); len(got.bans) != step.want {
			t.Errorf("after %s %d bans are sent, want %d", step.at, len(got.bans), step.want)
		}
	}
}

// TestRefusedIsTriedAgain: a daemon's limits are per minute.
func TestRefusedIsTriedAgain(t *testing.T) {
	c := idle()
	c.Push(source(0), lasting(time.Hour))
	c.Push(source(1), lasting(time.Hour))
	refusal := SyncResponse{Instance: "a", Refused: []Refused{{Prefix: source(0), Reason: "more than 600/m of this shop"}}}
	c.apply(c.batchOf(time.Now()), refusal, time.Now())
	c.apply(batch{address: c.address}, agrees, time.Now().Add(retryRefused+time.Second))
	if again := c.batchOf(time.Now()).bans; len(again) != 1 || again[0].Prefix != source(0) {
		t.Errorf("after a minute %v is pushed again, want %s alone", again, source(0))
	}
}

// TestBanThatWorksIsRenewed: a flood in its last part renews a ban, a browser's
// retries and silence do not, and what came before does not count.
func TestBanThatWorksIsRenewed(t *testing.T) {
	for _, step := range []struct {
		what      string
		early     uint64 // packets per second at first
		late      uint64 // and in the end
		wantRenew bool
	}{
		{"a flood", 5000, 5000, true},
		{"a flood that began late", 0, 100, true},
		{"silence", 0, 0, false},
		{"a flood that has ended", 5000, 0, false},
		{"a browser that tries again", 5, 5, false},
	} {
		t.Run(step.what, func(t *testing.T) {
			var renewed []ban.Ban
			c := New(Options{
				Renew:    func(_ netip.Prefix, ban ban.Ban, _ time.Time) { renewed = append(renewed, ban) },
				OnChange: func(Status) {},
			})
			c.use("unix//nowhere")
			ban := lasting(30 * time.Second)
			c.Push(source(0), ban)
			for at := time.Second; at < 30*time.Second; at += time.Second {
				hits := step.early
				if at > 20*time.Second {
					hits = step.late
				}
				c.apply(batch{address: c.address}, SyncResponse{Instance: "a", Hits: []Hit{{source(0), hits}}}, ban.Told.Add(at))
				if len(renewed) > 0 {
					break // the store would now say that it goes on
				}
			}
			if got := len(renewed) > 0; got != step.wantRenew {
				t.Errorf("renewed: %v, want %v", got, step.wantRenew)
			}
		})
	}
}

// TestForgedPacketsKeepNobodyOutForGood: what the scrubber drops can come from
// anybody.
func TestForgedPacketsKeepNobodyOutForGood(t *testing.T) {
	const longest = time.Hour // for which an edge bans
	now := time.Now()
	var c *Client
	renewals := 0
	c = New(Options{
		Renew: func(prefix netip.Prefix, ban ban.Ban, now time.Time) { // as the edge does
			ban.Told, ban.Until = now, now.Add(min(2*ban.Until.Sub(ban.Told), longest))
			c.Push(prefix, ban)
			renewals++
		},
		OnChange: func(Status) {},
	})
	c.use("unix//nowhere")
	c.Push(source(0), lasting(time.Minute))
	for at := now; ; at = at.Add(time.Second) {
		got, _ := c.Find(source(0))
		if !got.Ban.Until.After(at) {
			if renewals < 5 {
				t.Errorf("a flood that goes on is let in after %s", at.Sub(now))
			}
			return
		}
		if at.Sub(now) > 4*longest {
			t.Fatalf("it is banned until %s, renewed %d times", got.Ban.Until, renewals)
		}
		c.apply(batch{address: c.address}, SyncResponse{Instance: "a", Hits: []Hit{{source(0), 1000}}}, at)
	}
}

// TestBansOutlastTheClock: the daemon is told when a ban ends by the time of day that is now, and
// of each ban once.
func TestBansOutlastTheClock(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, 5 * time.Minute} {
		c, made := idle(), lasting(time.Minute)
		c.Push(source(0), made)
		now := sample.ClockSet(time.Now(), by)
		b := c.batchOf(now)
		if len(b.bans) != 1 {
			t.Fatalf("set by %s, %d bans are sent, want 1", by, len(b.bans))
		}
		if off := b.bans[0].Until.Round(0).Sub(made.Until.Round(0)); (off - by).Abs() > time.Microsecond { // the two clocks are read one after the other
			t.Errorf("set by %s, the end moves by %s", by, off)
		}
		c.apply(b, agrees, now)
		if got := c.Status(); got.Bans != 1 || got.Pending != 0 {
			t.Errorf("set by %s, the status is %+v, want no ban that is pending", by, got)
		}
	}
}

// TestHitsByBan: what the daemon dropped is told by the keys of the bans, also of one that was
// lifted meanwhile; what no ban of this edge has dropped is not.
func TestHitsByBan(t *testing.T) {
	told := map[netkey.Key]uint64{}
	c := New(Options{
		Renew: func(netip.Prefix, ban.Ban, time.Time) {}, OnChange: func(Status) {},
		OnHit: func(key netkey.Key, packets uint64) { told[key] += packets },
	})
	c.use("unix//nowhere")
	for n := range 3 {
		b := lasting(time.Minute)
		b.Key = netkey.Key{byte(n)}
		c.Push(source(n), b)
	}
	sent := c.batchOf(time.Now())
	c.Lift(source(1))
	c.apply(sent, SyncResponse{Hits: []Hit{{source(0), 7}, {source(1), 8}, {source(3), 9}}}, time.Now())
	c.apply(batch{address: c.address}, SyncResponse{Hits: []Hit{{source(0), 1}}}, time.Now())
	if want := (map[netkey.Key]uint64{{0}: 8, {1}: 8}); !maps.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}
