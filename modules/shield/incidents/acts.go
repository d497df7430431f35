package incidents

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/incident"
)

// channel is that on which edges tell the one that records what people did, and when a receiver
// took an alert.
const channel = "incidents"

// message is what is said there. Exactly one of its parts is given.
type message struct {
	From     string       `json:"from"`
	Act      *act         `json:"act,omitempty"`
	Note     *note        `json:"note,omitempty"`
	Accepted *acceptation `json:"accepted,omitempty"`

	taken bool
}

type act struct {
	Shop string `json:"shop,omitempty"` // none: all
	incident.Act
}

type note struct {
	Incident string `json:"incident"`
	incident.Act
}

type acceptation struct {
	Incident string    `json:"incident"`
	At       time.Time `json:"at"`
}

const (
	maxMessage = 8 << 10
	maxActs    = 256             // that are remembered for whoever leads next
	actsLast   = 2 * time.Minute // until when that is
)

// parseMessage reads a message; false: it is none.
func parseMessage(text string) (m message, ok bool) {
	if len(text) > maxMessage || json.Unmarshal([]byte(text), &m) != nil {
		return message{}, false
	}
	parts := 0
	for _, given := range []bool{m.Act != nil, m.Note != nil, m.Accepted != nil} {
		if given {
			parts++
		}
	}
	return m, parts == 1 && !m.at().IsZero()
}

// at is when it happened.
func (m *message) at() time.Time {
	switch {
	case m.Act != nil:
		return m.Act.At
	case m.Note != nil:
		return m.Note.At
	}
	return m.Accepted.At
}

// Acted tells what an operator did at this edge: it becomes a part of the open incidents of that
// shop, or of all. A note is not repeated.
func (k *Keeper) Acted(a audit.Act) {
	if a.Act == "note" {
		return
	}
	words := []string{a.Act, a.What}
	if !a.Until.IsZero() {
		words = append(words, "until", a.Until.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if a.Why != "" {
		words = append(words, "("+a.Why+")")
	}
	text := strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
	k.say(message{Act: &act{Shop: a.Shop, Act: incident.Act{At: k.opts.Store.Time(a.At), Who: a.Who, Text: text}}})
}

// Accepted tells that a receiver took the first alert of an incident.
func (k *Keeper) Accepted(incident string, at time.Time) {
	k.say(message{Accepted: &acceptation{Incident: incident, At: k.opts.Store.Time(at)}})
}

// say takes something in and tells the other edges.
func (k *Keeper) say(m message) {
	m.From = k.self
	k.take(m)
	if text, err := json.Marshal(m); err == nil {
		k.opts.Store.Say(channel, string(text))
	}
}

// hear takes in what another edge says.
func (k *Keeper) hear(text string) {
	if m, ok := parseMessage(text); ok && m.From != k.self {
		k.take(m)
	}
}

// take remembers a message, and records it if this edge records.
func (k *Keeper) take(m message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.acts = slices.DeleteFunc(k.acts, func(old message) bool { return k.age(old.at()) > actsLast })
	if len(k.acts) == maxActs {
		k.acts = slices.Delete(k.acts, 0, 1)
	}
	k.acts = append(k.acts, m)
	if m.Accepted != nil && !slices.Contains(k.known, m.Accepted.Incident) {
		k.known = append(k.known, m.Accepted.Incident)
		k.known = slices.Delete(k.known, 0, max(0, len(k.known)-maxActs))
	}
	k.takeActs()
}

// takeActs records the messages that were not recorded yet.
func (k *Keeper) takeActs() {
	if k.rec == nil || k.paused {
		return
	}
	for i := range k.acts {
		if m := &k.acts[i]; !m.taken {
			m.taken = k.takeAct(m)
		}
	}
}

// takeAct records one message, and reports whether an incident is open that it belongs to. An act
// that comes before its incident opens waits for it.
func (k *Keeper) takeAct(m *message) (taken bool) {
	switch {
	case m.Accepted != nil:
		if rec := k.rec.Find(m.Accepted.Incident); rec != nil {
			k.rec.Alerted(rec.ID, m.Accepted.At)
			delete(k.saved, rec.ID)
			taken = true
		}
	case m.Note != nil:
		if rec := k.rec.Find(m.Note.Incident); rec != nil {
			if !hasAct(rec.Notes, cleanNote(m.Note.Act)) {
				rec.AddNote(m.Note.Act)
			}
			delete(k.saved, rec.ID)
			taken = true
		}
	default:
		for _, rec := range k.recordsOf(m.Act.Shop) {
			if !m.Act.At.Before(rec.Onset) && !hasAct(rec.People, cleanAct(m.Act.Act)) {
				rec.AddAct(m.Act.Act)
				delete(k.saved, rec.ID)
			}
			taken = true
		}
	}
	return taken
}

// hasAct reports whether a record has an act already, whose text may have been cleaned.
func hasAct(acts []incident.Act, a incident.Act) bool {
	return slices.ContainsFunc(acts, func(other incident.Act) bool {
		return other.At.Equal(a.At) && other.Who == a.Who && other.Text == a.Text
	})
}

// cleanAct is an act as a record has it.
func cleanAct(a incident.Act) incident.Act {
	var rec incident.Record
	rec.AddAct(a)
	return rec.People[0]
}

// cleanNote is a note as a record has it.
func cleanNote(a incident.Act) incident.Act {
	var rec incident.Record
	rec.AddNote(a)
	return rec.Notes[0]
}
