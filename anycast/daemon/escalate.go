package daemon

import (
	"fmt"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/audit"
)

// escalate asks the ladder for a remedy.
func (d *Daemon) escalate(s anycast.Escalation) (got anycast.Escalation, err error) {
	if err := audit.CheckWhy(s.Why, longestWhy); err != nil {
		return s, err
	}
	now := d.now()
	for i := range s.Evidence {
		s.Evidence[i].At = now // when the operator says that it was measured
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.Remedy == anycast.Leave {
		if err := d.mayLeave(now); err != nil {
			return s, err
		}
	}
	if got, err = d.ladder.Ask(now, s); err == nil {
		d.recordEscalation("escalate", s.By[0], got)
	}
	return got, err
}

// change confirms, renews or ends an escalation.
func (d *Daemon) change(id int, act, by string, proof anycast.Evidence) (got anycast.Escalation, err error) {
	now := d.now()
	proof.At = now
	d.mu.Lock()
	defer d.mu.Unlock()
	switch act {
	case "confirm":
		for _, s := range d.ladder.All(now) {
			if s.ID == id && s.Remedy == anycast.Leave {
				if err := d.mayLeave(now); err != nil {
					return s, err
				}
			}
		}
		got, err = d.ladder.Confirm(now, id, by)
	case "renew":
		got, err = d.ladder.Renew(now, id, proof)
	case "end":
		got, err = d.ladder.End(now, id)
	default:
		return got, fmt.Errorf("unrecognized act %q: want confirm, renew or end", act)
	}
	if err == nil {
		d.recordEscalation(act, by, got)
	}
	return got, err
}

func (d *Daemon) mayLeave(now time.Time) error {
	if err := anycast.MayLeave(d.load.now, d.edge.Others(now)); err != nil {
		return fmt.Errorf("escalating to leave: %w", err)
	}
	return nil
}

func (d *Daemon) recordEscalation(act, by string, s anycast.Escalation) {
	d.record(audit.Act{At: d.now(), Act: act, Who: by, What: string(s.Remedy) + " " + strconv.Itoa(s.ID), Why: s.Why, Until: s.Until})
}
