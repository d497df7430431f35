package incident

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// handOver has another leader go on with what is stored.
func (w *world) handOver() {
	w.t.Helper()
	next := new(Recorder)
	for _, rec := range w.rec.Open() {
		stored, err := Encode(rec)
		if err != nil {
			w.t.Fatal(err)
		}
		read, err := Decode(stored)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := next.Resume(read); err != nil {
			w.t.Fatal(err)
		}
	}
	w.rec = next
}

// TestTakeover: a leader that takes over at any second, and was told the same seconds, records
// what one leader would have.
func TestTakeover(t *testing.T) {
	for name, waves := range map[string][]wave{"flood": {flood}, "solvers": {solvers}, "campaign": campaign(), "tier": {synFlood}} {
		want := newWorld(t, waves...).run(0, 1300).one()
		for _, second := range []int{61, 129, 135, 142, 205, 699, 900} {
			w := newWorld(t, waves...).run(0, second)
			if len(w.rec.Open()) != 1 {
				continue // two of a campaign that is not seen yet, or none
			}
			w.handOver()
			got := w.run(second+1, 1300).one()
			options := cmp.Options{cmpopts.IgnoreUnexported(Record{}, Shop{})}
			if name == "campaign" { // is stored at a lower resolution
				options = append(options, cmpopts.IgnoreTypes(Series{}))
			}
			if d := cmp.Diff(want, got, options); d != "" {
				t.Errorf("%s, taken over at second %d: %.2000s", name, second, d)
			}
		}
	}
}

// TestTakeoverWithGap: seconds that nobody counted are said, and nothing else suffers.
func TestTakeoverWithGap(t *testing.T) {
	w := newWorld(t, flood).run(0, 200)
	w.handOver()
	r := w.run(204, 1100).one()
	check(t, r.Shops[0].Vectors[0], truth{127, 128, 129, 133, 700})
	want := []Gap{{at(201), at(203), "another edge took the lead"}}
	if d := cmp.Diff(want, r.Gaps); d != "" {
		t.Error(d)
	}
	if got := r.Shops[0].Series.Fine.Points(); got != finePoints {
		t.Errorf("the series has %d points, want %d: the gap's too", got, finePoints)
	}
}

// TestWithoutTakeover: a leader that does not take the record over has lost what was before it,
// which is how TestTakeover could fail.
func TestWithoutTakeover(t *testing.T) {
	w := newWorld(t, flood).run(0, 200)
	w.rec = new(Recorder)
	r := w.run(201, 1100).one()
	if v := r.Shops[0].Vectors[0]; v.HarmSeconds != 0 || v.Detected.Equal(at(128)) || v.Effective.Equal(at(133)) {
		t.Errorf("it knows what another leader saw: %+v", v)
	}
}

// TestReplay: the seconds between the last that is stored and the takeover are told again.
func TestReplay(t *testing.T) {
	w := newWorld(t, flood).run(0, 125)
	var seconds [][]Moment
	var stored []byte
	for second := 126; second <= 140; second++ {
		moments := w.moments(second)
		seconds = append(seconds, moments)
		w.rec.Step(at(second), moments)
		if second == 135 {
			var err error
			if stored, err = Encode(w.rec.Open()[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	read, err := Decode(stored)
	if err != nil {
		t.Fatal(err)
	}
	w.rec = new(Recorder)
	if err := w.rec.Resume(read); err != nil {
		t.Fatal(err)
	}
	for i, moments := range seconds {
		w.changes = append(w.changes, w.rec.Step(at(126+i), moments)...)
	}
	r := w.run(141, 1300).one()
	want := newWorld(t, flood).run(0, 1300).one()
	if d := cmp.Diff(want, r, cmpopts.IgnoreUnexported(Record{}, Shop{})); d != "" {
		t.Error(d)
	}
}

func TestResumeRefuses(t *testing.T) {
	w := newWorld(t, flood).run(0, 200)
	if err := w.rec.Resume(w.rec.Open()[0]); err == nil {
		t.Error("an incident is open twice")
	}
	if err := new(Recorder).Resume(w.run(201, 1100).one()); err == nil {
		t.Error("an incident that is over goes on")
	}
}

// TestTakeoverBeforeDetection: a leader from the second of detection on knows the onset by the
// rule alone, and has its own first second as the first that it judges.
func TestTakeoverBeforeDetection(t *testing.T) {
	r := newWorld(t, flood).run(128, 1100).one()
	check(t, r.Shops[0].Vectors[0], truth{127, 128, 129, 133, 700})
	if !r.Shops[0].From.Equal(at(128)) {
		t.Errorf("it counted from %v on", r.Shops[0].From)
	}
}

// TestLongGap: after five minutes without data nobody can say that it went on.
func TestLongGap(t *testing.T) {
	w := newWorld(t, flood).run(0, 200).run(601, 1300)
	closed := w.closed()
	if len(closed) != 2 || closed[0].ID == closed[1].ID {
		t.Fatalf("%d incidents, want two", len(closed))
	}
	check(t, closed[0].Shops[0].Vectors[0], truth{127, 128, 129, 133, 200})
	if len(closed[0].Gaps) != 1 || closed[0].Gaps[0].Seconds() != 400 {
		t.Errorf("gaps %v, want one of 400 s", closed[0].Gaps)
	}
}

// TestCampaign: nine shops are one incident, though that is seen at the third only.
func TestCampaign(t *testing.T) {
	w := newWorld(t, campaign()...).run(0, 1200)
	r := w.one()
	if len(r.Shops) != 9 || r.Campaign != "20261129-1042" || !r.Onset.Equal(at(60)) {
		t.Fatalf("%d shops, campaign %q, onset %v", len(r.Shops), r.Campaign, r.Onset)
	}
	for i, s := range r.Shops {
		begin := 60 + 20*i
		check(t, s.Vectors[0], truth{begin, begin + 1, begin + 2, begin + 6 + i, 600})
	}
	whats := map[What]int{}
	for _, c := range w.changes {
		whats[c.What]++
		if c.What == Merged && c.Record.Merged != r.ID {
			t.Errorf("%s went on as %q, want %q", c.Record.ID, c.Record.Merged, r.ID)
		}
	}
	if want := map[What]int{Opened: 2, Merged: 1, Joined: 7, Effective: 9, Closed: 1}; cmp.Diff(want, whats) != "" {
		t.Errorf("changes %v, want %v", whats, want)
	}
	alone := campaign()
	for i := range alone {
		alone[i].campaign = ""
	}
	if n := len(newWorld(t, alone...).run(0, 1200).closed()); n != 9 {
		t.Errorf("without a campaign there are %d incidents, want 9", n)
	}
}

// TestLargeCampaign: a record holds so many shops; the others are in more of them, and none is
// lost.
func TestLargeCampaign(t *testing.T) {
	var waves []wave
	for i := range 2*MaxShops + 3 {
		waves = append(waves, with(campaign()[0], func(w *wave) { w.shop = shop.ID("s" + string(rune('a'+i%26)) + string(rune('a'+i/26))) }))
	}
	w := newWorld(t, waves...).run(0, 1000)
	shops := 0
	for _, r := range w.closed() {
		shops += len(r.Shops)
		if len(r.Shops) > MaxShops || r.Campaign == "" {
			t.Errorf("%s has %d shops and campaign %q", r.ID, len(r.Shops), r.Campaign)
		}
		if _, err := Encode(r); err != nil {
			t.Error(err)
		}
	}
	if shops != len(waves) {
		t.Errorf("%d shops are recorded, want %d", shops, len(waves))
	}
}

// TestTierIsNotOfACampaign: packets have an incident of their own.
func TestTierIsNotOfACampaign(t *testing.T) {
	w := newWorld(t, with(flood, func(w *wave) { w.campaign = "20261129-1042" }), with(synFlood, func(w *wave) { w.campaign = "20261129-1042" })).run(0, 1100)
	if n := len(w.closed()); n != 2 {
		t.Errorf("%d incidents, want 2", n)
	}
}

// TestEvents: alerts, levels, sources and acts reach the open incident and no other.
func TestEvents(t *testing.T) {
	w := newWorld(t, flood, with(flood, func(w *wave) { w.shop = "sonnen" })).run(0, 127)
	early := LevelChange{At: at(127), Shop: "loewen", To: 2, By: "watch", Why: "before the second"}
	w.rec.Level(early)
	w.rec.Level(LevelChange{At: at(127), Shop: "adler", To: 2, By: "watch", Why: "calm"})
	w.run(128, 130)
	loewen, sonnen := w.rec.Of("loewen"), w.rec.Of("sonnen")
	if loewen == nil || sonnen == nil || w.rec.Of("adler") != nil || w.rec.Find(loewen.ID) != loewen {
		t.Fatal("the open incidents are not found")
	}
	w.rec.Alerted(loewen.ID, at(131))
	w.rec.Alerted(loewen.ID, at(140))
	w.rec.Alerted("20261129-1042-nobody", at(131))
	sources := NewSources()
	sources.Add(keyOf("client", 1), keyOf("net", 1))
	w.rec.Sources("loewen", watch.SearchFlood, sources)
	w.rec.Sources("loewen", watch.SYN, sources)
	w.rec.Sources("adler", watch.SearchFlood, sources)
	if d := cmp.Diff([]LevelChange{early}, loewen.Levels); d != "" || len(sonnen.Levels) != 0 {
		t.Errorf("levels: %s, and %v", d, sonnen.Levels)
	}
	v, other := loewen.Shops[0].Vectors[0], sonnen.Shops[0].Vectors[0]
	if !v.Alerted.Equal(at(131)) || v.Sources != 1 || len(v.Nets) != 1 || !other.Alerted.IsZero() || other.Sources != 0 {
		t.Errorf("got %+v and %+v", v, other)
	}
}
