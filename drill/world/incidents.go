package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
)

// Incidents asks the shield what it has recorded since the begin of a run: one line for each
// attacked shop and vector.
func (w *World) Incidents(ctx context.Context, begin time.Time) ([]record.Incident, error) {
	var list struct {
		Incidents []struct {
			ID string `json:"id"`
		} `json:"incidents"`
	}
	if err := w.front.get(ctx, "/shield/incidents", &list); err != nil {
		return nil, err
	}
	var all []record.Incident
	for _, i := range list.Incidents {
		var one kept
		if err := w.front.get(ctx, "/shield/incident?id="+url.QueryEscape(i.ID), &one); err != nil {
			return nil, err
		}
		all = append(all, one.lines(i.ID, begin)...)
	}
	return all, nil
}

// kept is what a drill reads of an incident.
type kept struct {
	Record struct {
		Shops []struct {
			Shop    string `json:"shop"`
			Vectors []struct {
				Vector                     string
				Onset, Detected, Effective time.Time
			} `json:"vectors"`
		} `json:"shops"`
	} `json:"record"`
}

func (k *kept) lines(id string, begin time.Time) (lines []record.Incident) {
	since := func(at time.Time) *float64 {
		if at.IsZero() {
			return nil
		}
		return new(at.Sub(begin).Seconds())
	}
	for _, s := range k.Record.Shops {
		for _, v := range s.Vectors {
			lines = append(lines, record.Incident{
				ID: id, Shop: s.Shop, Vector: v.Vector, Onset: since(v.Onset), Detected: since(v.Detected), Effective: since(v.Effective),
			})
		}
	}
	return lines
}

// Campaign asks the shield whether it has seen one that still holds; nil: none.
func (w *World) Campaign(ctx context.Context) (*record.Campaign, error) {
	var status struct {
		Campaign *struct {
			Why   string    `json:"why"`
			Until time.Time `json:"until"`
		} `json:"campaign"`
	}
	if err := w.front.get(ctx, "/shield/status", &status); err != nil || status.Campaign == nil {
		return nil, err
	}
	return &record.Campaign{Why: status.Campaign.Why, Posture: time.Until(status.Campaign.Until)}, nil
}

// get asks the first edge that lives.
func (s *shield) get(ctx context.Context, path string, into any) error {
	first := s.first()
	if first == nil {
		return errors.New("asking an edge: none lives")
	}
	answer, err := first.ask(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading what %s answers: %w", first.command.Name, err)
	}
	return nil
}

// first is the first edge that lives, or nil.
func (s *shield) first() *edge {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.edges {
		if !e.killed {
			return e
		}
	}
	return nil
}
