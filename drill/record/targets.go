package record

import (
	"fmt"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/drill/scenario"
)

// A Verdict is whether one target was met.
type Verdict struct {
	Target string `json:"target"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	Met    bool   `json:"met"`

	// It could not be measured; then it is not met either.
	Unmeasured bool `json:"unmeasured,omitempty"`
}

func (v Verdict) String() string {
	if v.Unmeasured {
		return fmt.Sprintf("%s: want %s, not measured: %s", v.Target, v.Want, v.Got)
	}
	return fmt.Sprintf("%s: want %s, got %s", v.Target, v.Want, v.Got)
}

// judge collects verdicts.
type judge struct {
	run *Run
	all []Verdict
}

// Judge compares the run with the targets, in the order of the scenario's fields.
func (run *Run) Judge(t *scenario.Targets) {
	j := &judge{run: run}
	if t.Success != nil {
		j.success("success", *t.Success, func(s *Shop) (float64, bool) { return s.Success(), true })
	}
	if t.SuccessAfter != nil {
		j.success("success_after", *t.SuccessAfter, run.afterMitigation)
	}
	if t.Detect != nil {
		j.seconds("detect", t.Detect.D(), func(w *Wave) *int { return w.Detected })
	}
	if t.Effective != nil {
		j.seconds("effective", t.Effective.D(), func(w *Wave) *int { return w.Effective })
	}
	sum := func(of func(*Shop) int) (n int) {
		for _, s := range run.Shops {
			n += of(s)
		}
		return n
	}
	j.atMost("lost", t.Lost, sum(func(s *Shop) int { return s.Orders.Lost }))
	j.atMost("doubled", t.Doubled, sum(func(s *Shop) int { return s.Orders.Doubled }))
	j.atMost("refused", t.Refused, sum((*Shop).Refused))
	j.atMost("challenged", t.Challenged, sum(func(s *Shop) int { return s.Visits.Challenged }))
	j.atMost("challenged_known", t.ChallengedKnown, sum(func(s *Shop) int { return s.Visits.ChallengedKnown }))
	j.atMost("challenged_known_at_2", t.ChallengedKnownAt2, sum(func(s *Shop) int { return s.Visits.ChallengedKnownAt2 }))
	j.level(t.LevelMax)
	j.atMost("incidents", t.Incidents, run.IncidentCount())
	j.posture(t.Posture)
	run.Verdicts = j.all
}

// afterMitigation is the success at a shop without the seconds between the begin of a wave
// and when it was mitigated; false: one never was.
func (run *Run) afterMitigation(s *Shop) (share float64, ok bool) {
	suffers := make([]bool, len(s.Seconds))
	for _, w := range run.Waves {
		if w.Shop != s.Name {
			continue
		}
		if w.Effective == nil {
			return 0, false
		}
		begin := int(w.At / time.Second)
		for i := begin; i < min(begin+*w.Effective, len(suffers)); i++ {
			suffers[i] = true
		}
	}
	return s.successIn(func(second int) bool { return !suffers[second] }), true
}

// success is asked of each shop: that of a quiet one must not hide an attacked one.
func (j *judge) success(name string, want scenario.Share, of func(*Shop) (float64, bool)) {
	for _, s := range j.run.Shops {
		v := Verdict{Target: name + " at " + s.Name, Want: "at least " + want.String(), Got: "no customer came", Unmeasured: true}
		if got, ok := of(s); !ok {
			v.Got, v.Unmeasured = "a wave was never mitigated", false
		} else if got >= 0 {
			v.Got, v.Unmeasured = Percent(got), false
			v.Met = got >= float64(want)
		}
		j.all = append(j.all, v)
	}
}

// Percent writes a share rounded down, so that 100 % is all.
func Percent(share float64) string {
	return fmt.Sprintf("%g%%", float64(int(share*10_000))/100)
}

// seconds is asked of each wave; the verdict names those that were too late.
func (j *judge) seconds(name string, want time.Duration, of func(*Wave) *int) {
	v := Verdict{Target: name, Want: "at most " + want.String(), Met: true}
	var late []string
	worst := 0
	for _, w := range j.run.Waves {
		got := of(w)
		switch {
		case got == nil && name == "effective" && strings.HasPrefix(w.Note, "not measurable"):
			v.Unmeasured = true
			late = append(late, w.Name+" at "+w.Shop+" "+w.Note)
		case got == nil:
			late = append(late, w.Name+" at "+w.Shop+" never")
		case time.Duration(*got)*time.Second > want:
			late = append(late, fmt.Sprintf("%s at %s %ds", w.Name, w.Shop, *got))
		default:
			worst = max(worst, *got)
		}
	}
	v.Got = fmt.Sprintf("%ds at worst", worst)
	if len(late) > 0 {
		v.Got, v.Met = strings.Join(late, ", "), false
	}
	if len(j.run.Waves) > 0 {
		j.all = append(j.all, v)
	}
}

func (j *judge) atMost(name string, want *int, got int) {
	if want != nil {
		j.all = append(j.all, Verdict{Target: name, Want: fmt.Sprintf("at most %d", *want), Got: fmt.Sprint(got), Met: got <= *want})
	}
}

func (j *judge) level(want *int) {
	if want == nil {
		return
	}
	top := -1
	for _, s := range j.run.Shops {
		top = max(top, s.Top())
	}
	v := Verdict{Target: "level_max", Want: fmt.Sprintf("at most %d", *want), Got: fmt.Sprint(top), Met: top <= *want}
	if top < 0 {
		v.Got, v.Met, v.Unmeasured = "no edge told a level", false, true
	}
	j.all = append(j.all, v)
}

func (j *judge) posture(want *scenario.Span) {
	if want == nil {
		return
	}
	v := Verdict{Target: "posture", Want: "at least " + want.String(), Got: "no campaign was seen"}
	if c := j.run.Campaign; c != nil {
		v.Got, v.Met = c.Posture.Round(time.Second).String(), c.Posture >= want.D()
	}
	j.all = append(j.all, v)
}
