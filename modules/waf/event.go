package waf

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Event is a refused request as operators may see it: rules and fields, but no value,
// path or address.
type Event struct {
	Reference string
	Time      time.Time
	Class     string
	Outcome   string
	Reason    parser.Reason // why it is ambiguous, if it is
	Score     int
	Matches   []match
	Shadow    bool
}

// events are the most recent events of a shop. They survive reloads.
type events struct {
	mu   sync.Mutex
	ring [256]Event
	next int
}

var eventsOf = metric.PerShop(func(shop.ID) *events { return new(events) })

func (e *events) add(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ring[e.next%len(e.ring)] = event
	e.next++
}

// find returns the event with this reference.
func (e *events) find(reference string) (Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.ring {
		if event.Reference == reference && reference != "" {
			return event, true
		}
	}
	return Event{}, false
}

// record keeps a finding under a new reference, which the page shows to the visitor,
// and logs it: at most one line per second and shop.
func (h *Handler) record(v *shop.Visit, found *finding) (reference string) {
	reference = newReference()
	h.series.matched(found)
	h.events.add(Event{
		Reference: reference, Time: v.Start, Class: v.Class.String(), Outcome: found.rule, Reason: found.reason,
		Score: found.score, Matches: found.matched, Shadow: h.Shadow,
	})
	h.sometimes.Do(func() {
		h.log.Info("request refused", zap.String("shop", string(v.Shop)), zap.String("reference", reference),
			zap.String("class", v.Class.String()), zap.String("outcome", found.rule), zap.String("reason", string(found.reason)), zap.Int("score", found.score),
			zap.Any("matches", found.matched), zap.Bool("shadow", h.Shadow))
	})
	return reference
}

// explain tells operators why a request was refused, and what would let it pass.
func (h *Handler) explain(reference string) []shield.Fact {
	event, ok := h.events.find(reference)
	if !ok {
		return nil
	}
	verb := "refused"
	if event.Shadow {
		verb = "would have been refused"
	}
	facts := []shield.Fact{{
		Stage: "waf", Rule: event.Outcome,
		Says: fmt.Sprintf("%s at %s, class %s, score %d of %d", verb, event.Time.Format(time.DateTime), event.Class, event.Score, h.Threshold),
	}}
	add := func(rule, says string) { facts = append(facts, shield.Fact{Stage: "waf", Rule: rule, Says: says}) }
	if event.Reason != "" {
		add(string(event.Reason), event.Reason.Explain())
	}
	if advice := adviceOnBounds[event.Outcome]; advice != "" {
		add(event.Outcome, advice)
	}
	for _, m := range event.Matches {
		for _, target := range m.Targets {
			add(strconv.Itoa(m.Rule), adviceOn(m.Rule, target))
		}
	}
	return facts
}

// newReference returns a random reference: it means nothing outside of this edge.
func newReference() string {
	var key netkey.Key
	_, _ = rand.Read(key[:]) // never fails
	return key.Reference()
}
