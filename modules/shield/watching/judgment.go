package watching

import (
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/watch"
)

// judgment is the work of one second.
type judgment struct {
	w        *Watcher
	edge     Edge
	time     time.Time
	at       int64
	lead     counters.Leadership
	share    int // edges among which the counts are divided and cannot be added up
	settings watch.Settings
	alone    watch.Verdict // of the shop that is judged, by what this edge counts alone
	wishes   []wish
	seen     *incidents.Second
}

// judgment begins the work of a second.
func (w *Watcher) judgment(edge Edge, at time.Time, lead counters.Leadership) *judgment {
	j := &judgment{w: w, edge: edge, time: at, at: at.Unix(), lead: lead, share: 1, seen: &incidents.Second{At: at.Truncate(time.Second), Lead: lead}}
	if lead.Role == counters.Alone {
		j.share = max(1, len(w.store.Status().Nodes))
	}
	w.campaign.follow(edge.Campaign())
	j.settings = w.campaign.rule.Posture(j.at).Apply(watch.Defaults())
	return j
}

// judge judges a shop by what all edges have counted, and by what this one has.
func (j *judgment) judge(s *watched, all, own *watch.Second) {
	s.second, j.alone = *all, watch.Verdict{}
	if *all == (watch.Second{}) && s.all.Idle() {
		s.baseline.Quiet(1)
		s.verdict = watch.Verdict{}
	} else {
		j.step(s, all, own)
	}
	s.follow(s.Acts && s.wasHot(j.at))
	j.decide(s)
	j.see(s)
}

func (j *judgment) step(s *watched, all, own *watch.Second) {
	set, usual := s.settings(j.settings), s.usual
	usual.Announced = j.edge.Expected(s.ID, j.time)
	if j.share > 1 {
		set, usual = set.Share(j.share), usual.Share(j.share)
	}
	s.verdict = s.all.Step(j.at, all, &usual, &set)
	j.w.campaign.rule.Note(j.at, s.ID, &s.verdict, &set)
	level := max(s.verdict.Level, s.Level.Level)
	s.baseline.Note(all, level, s.verdict.Sick, usual.Announced > 1 || j.share > 1)
	if j.lead.Role == counters.Following {
		j.alone = s.own.Step(j.at, own, &usual, &set)
	}
	if s.verdict.Hot {
		s.hot = j.at
	}
}
