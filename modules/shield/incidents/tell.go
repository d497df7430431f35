package incidents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/incident/report"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

const (
	maxTold      = 256                // alerts that wait to be told
	onceLife     = 7 * 24 * time.Hour // for which no edge tells an alert again
	maxEffective = 3                  // how often one incident is said to be effective
)

// teller is what people have been told of an open incident. After a takeover everything is told
// anew, and the store knows what another edge has told.
type teller struct {
	resumed   bool
	opened    bool
	level     shop.Level // the highest that was told
	effective int
	well      bool
	late      [2]bool // detected, effective
	last      alert.Event
}

// told is an alert that is to be told once by all edges together.
type told struct {
	alert.Event
	report []byte // the record of which a report goes along
	unless string // not if the store has an incident with this ID
}

// tellOf tells what there is to tell of an open incident.
func (k *Keeper) tellOf(rec *incident.Record) {
	t := k.tellers[rec.ID]
	if t == nil {
		t = &teller{resumed: true}
		k.tellers[rec.ID] = t
	}
	lines := incident.Ledger(rec, k.settings().Targets)
	level := levelOf(rec)
	if !t.opened && isAttack(rec) {
		t.opened, t.level = true, max(level, shop.Attack)
		if t.resumed { // another edge may have told of the levels since
			t.level = shop.Attack
		}
		k.send(t, k.event(alert.Opened, rec, "", wordsOpened(rec, lines)))
	}
	if top := topOf(rec); t.opened && top > t.level {
		t.level = top
		k.send(t, k.event(alert.Escalated, rec, fmt.Sprint("/", int(top)), wordsEscalated(rec, top)))
	}
	k.tellLate(t, rec, lines)
	if !t.opened {
		return
	}
	since, well := isWell(rec)
	if well && !t.well && t.effective < maxEffective {
		t.effective++
		k.send(t, k.event(alert.Effective, rec, fmt.Sprint("/", t.effective), wordsEffective(lines, since)))
	}
	t.well = well
}

// tellLate tells which targets were missed, once of each kind.
func (k *Keeper) tellLate(t *teller, rec *incident.Record, lines []incident.Line) {
	for i := range lines {
		l := &lines[i]
		if l.Detect != nil && *l.Detect > l.TargetDetect && !t.late[0] {
			t.late[0] = true
			k.send(t, k.event(alert.MissedTarget, rec, "/detect", wordsLateDetect(l)))
		}
		v := rec.VectorOf(l)
		tooLate := l.Mitigate != nil && *l.Mitigate > l.TargetMitigate
		notYet := l.Mitigate == nil && int64(v.Judged) > l.TargetMitigate // the seconds since the onset that were judged, and none well
		if (tooLate || notYet) && !t.late[1] {
			t.late[1] = true
			k.send(t, k.event(alert.MissedTarget, rec, "/effective", wordsLateEffective(l)))
		}
	}
}

// tellEnd tells that an incident is over, if anything was told of it.
func (k *Keeper) tellEnd(rec *incident.Record, lines []incident.Line) {
	t := k.tellers[rec.ID]
	if t == nil {
		return
	}
	if rec.Merged != "" {
		if t.last.ID != "" {
			k.send(t, k.event(alert.Over, rec, "", "It is a part of a campaign, and goes on as the incident "+rec.Merged+"."))
		}
		return
	}
	k.tellLate(t, rec, lines)
	if t.last.ID == "" {
		return
	}
	e := k.event(alert.Over, rec, "", wordsOver(rec, lines))
	data, err := incident.Encode(rec)
	if err != nil {
		k.opts.Log().Error("an alert has no report", zap.Error(err))
	}
	k.alerts.put(e.ID, told{Event: e, report: data})
}

// abandon ends the alerts of an incident that this edge recorded while the store was lost, and
// another one goes on with under another ID.
func (k *Keeper) abandon(rec *incident.Record) {
	t := k.tellers[rec.ID]
	delete(k.tellers, rec.ID)
	if t == nil || t.last.ID == "" {
		return
	}
	e := k.event(alert.Over, rec, "/abandoned", "Another edge records this attack since the shared store is back.")
	k.alerts.put(e.ID, told{Event: e, unless: rec.ID})
}

// send has an alert told, and remembers it as the last one. Without the store an edge that did not
// lead is silent about what receivers know already: the edge that led may tell them more.
func (k *Keeper) send(t *teller, e alert.Event) {
	if k.muted && slices.Contains(k.known, e.Incident) {
		return
	}
	t.last = e
	k.alerts.put(e.ID, told{Event: e})
}

// tell tells one, unless another edge has done so.
func (k *Keeper) tell(ctx context.Context, e told) error {
	if e.unless != "" {
		if _, known, err := k.opts.Store.Kept(ctx, kindSummary, e.unless); known || err != nil {
			return nil
		}
	}
	sum := sha256.Sum256([]byte("alert " + e.ID))
	if first, _ := k.opts.Store.Once(ctx, netkey.Key(sum[:len(netkey.Key{})]), onceLife); !first {
		return nil
	}
	if e.report != nil {
		e.Report = k.attachment(e.report)
	}
	k.opts.Alert(e.Event)
	return nil
}

// attachment is the report of an incident that is over.
func (k *Keeper) attachment(data []byte) *alert.Report {
	rec, err := incident.Decode(data)
	var out bytes.Buffer
	if err == nil {
		r := k.ReportOf(rec, nil)
		err = r.HTML(&out)
	}
	if err != nil {
		k.opts.Log().Error("an alert has no report", zap.Error(err))
		return nil
	}
	return &alert.Report{Name: rec.ID + ".html", Body: out.Bytes()}
}

// ReportOf is the report of a record. lines are those of the ledger, as they were when it was over;
// none: it is judged by the targets in force.
func (k *Keeper) ReportOf(rec *incident.Record, lines []incident.Line) *report.Report {
	names := map[shop.ID]string{}
	for _, s := range rec.Shops {
		if name := k.opts.ShopName(s.ID); name != "" && s.ID != "" {
			names[s.ID] = name
		}
	}
	return &report.Report{Record: rec, Targets: k.settings().Targets, Lines: lines, Names: names, Zone: time.Local, At: k.opts.Store.Time(time.Now())}
}

// Open returns the last alert of each open incident, if this edge records.
func (k *Keeper) Open() (events []alert.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil || k.paused {
		return nil
	}
	for _, rec := range k.rec.Open() {
		if t := k.tellers[rec.ID]; t != nil && t.last.ID != "" {
			events = append(events, t.last)
		}
	}
	return events
}
