package scrub

import (
	"context"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/watch"
)

// TestReasonsHaveVectors: each reason that a packet can have belongs to a kind of attack, or to none
// for a reason of its own.
func TestReasonsHaveVectors(t *testing.T) {
	for r := range scrub.Reasons {
		reason := scrub.Reason(r)
		_, is := layer4.VectorOf(reason.String())
		why, left := layer4.WithoutVector(reason.String())
		switch {
		case is == left:
			t.Errorf("%s: is of a vector: %t, of none: %t (%s)", reason, is, left, why)
		case is && reason.Action() != scrub.Dropped && reason.Action() != scrub.Answered:
			t.Errorf("%s: %s packets are no attack that was stopped", reason, reason.Action())
		}
	}
	for _, v := range lab.Vectors() {
		if _, is := layer4.VectorOf(v.Reason); !is && v.Reason != "denied" {
			t.Errorf("%s: %s is no vector", v.Name, v.Reason)
		}
	}
}

// TestFloodIsSeenByTheTier: a real scrubd drops a SYN flood. The tier sees it as one, from its first
// second on, as long as it lasts, and nothing while only customers come.
func TestFloodIsSeenByTheTier(t *testing.T) {
	y := newYard(t)
	y.open(t)
	d := y.guard(t, yardPolicy)
	tier := layer4.New(layer4.Options{
		Node: func() string { return "fra-1" }, Scrubd: func() string { return "unix/" + d.socket }, Counters: new(layer4.Counters),
	})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); tier.Run(ctx) }()
	defer func() { end(); <-ended }()

	const flood, lasting = 5, 5 // seconds
	type second struct {
		at time.Time
		m  incident.Moment
	}
	var seen []second
	var b lab.Burst
	var over time.Time
	sent := make(chan struct{})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := range flood + lasting + 5 {
		if i == flood {
			go func() {
				defer close(sent)
				b = y.send(t, vector(t, "SYN flood"), 20_000, lasting*time.Second)
				over = time.Now()
			}()
		} else if i < flood {
			for _, err := range y.visits(t.Context(), 10, 0, patience) {
				t.Error(err)
			}
		}
		now := <-tick.C
		tier.Hear(tier.Message(now), now) // as every edge hears itself
		if m, _ := tier.Tick(now, now); len(m.Sights) > 0 {
			seen = append(seen, second{now, m})
		}
	}
	<-sent
	begun := over.Add(-b.Took)
	if len(seen) < lasting-1 {
		t.Fatalf("%d packets in %d s; an attack in %d seconds: %+v", b.Packets, lasting, len(seen), seen)
	}
	stopped := 0
	for _, s := range seen {
		if s.at.Before(begun) || s.at.After(over.Add(4*time.Second)) {
			t.Errorf("an attack at %s, the flood lasted from %s to %s", s.at, begun, over)
		}
		for _, sight := range s.m.Sights {
			if sight.Vector != watch.SYN || sight.Arrived == 0 || sight.Stopped[watch.ByScrub] != sight.Arrived {
				t.Errorf("%s: %+v", s.at, sight)
			}
			stopped += sight.Stopped[watch.ByScrub] + sight.Before
		}
	}
	onset := seen[0].m.Sights[0].Onset
	if off := onset.Sub(begun); off < 0 || off > 2*time.Second {
		t.Errorf("its onset is %s after the flood has begun", off)
	}
	if arrived := int(b.Packets - b.Lost); stopped < arrived*9/10 || stopped > arrived {
		t.Errorf("%d packets were stopped, %d were sent", stopped, arrived)
	}
	t.Logf("%d packets; an attack in %d seconds, onset %s after it began, %d stopped", b.Packets, len(seen), onset.Sub(begun), stopped)
}
