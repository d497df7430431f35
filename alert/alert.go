// Package alert tells people, and what wakes them, that a shop is attacked, that it is
// served again, or that an edge or the store has a problem.
//
// It stands at the end of the chain: what knows of a change calls Alerts.Send, which never
// waits. Each receiver has a queue and a goroutine of its own, so that one that hangs delays no
// other. What a receiver does not take in four tries within ten minutes is written to the file
// of dead letters and counted. A receiver that took a message and did not say so gets it again,
// with the same ID.
//
// What a receiver's URL has besides its host is a secret, and so are the passwords: errors
// name a receiver by its configured name and its host, in words of this package.
package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// Kind is what has changed.
type Kind uint8

// The kinds.
const (
	Opened       Kind = iota // a shop, or the whole tier, is attacked
	Escalated                // the level of the shop rose once more
	Effective                // its customers are served well again, though the attack goes on
	Over                     // ends what earlier alerts with the same Incident began
	MissedTarget             // a time that was promised has passed
	EdgeStrained             // an edge is too busy to judge in time
	StoreLost                // edges cannot reach the store that they share
	Test                     // nothing has happened; see Alerts.Test
	kinds
)

var kindNames = [...]string{
	Opened: "opened", Escalated: "escalated", Effective: "effective", Over: "over", MissedTarget: "missed_target",
	EdgeStrained: "edge_strained", StoreLost: "store_lost", Test: "test",
}

// A kind added above and not named here does not compile.
var _ = [1]struct{}{}[len(kindNames)-int(kinds)]

func (k Kind) String() string { return kindNames[k] }

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name of a kind that a receiver can choose.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kindNames[:Test], string(text))
	if i < 0 {
		return fmt.Errorf("unrecognized kind of alert %q: want %s", text, strings.Join(kindNames[:Test], ", "))
	}
	*k = Kind(i)
	return nil
}

// Severity is how urgent an alert is. The names are those of PagerDuty.
type Severity uint8

// The severities.
const (
	Info Severity = iota
	Warning
	Error
	Critical
	severities
)

var severityNames = [...]string{Info: "info", Warning: "warning", Error: "error", Critical: "critical"}

// A severity added above and not named here does not compile.
var _ = [1]struct{}{}[len(severityNames)-int(severities)]

func (s Severity) String() string { return severityNames[s] }

// MarshalText writes the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Detail is one row of a table.
type Detail struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// A Report is a file that goes with the mail of an incident that is over.
type Report struct {
	Name string // such as 20261129-1042-loewen.html
	Body []byte // at most MaxReport
}

// MaxReport is the most bytes of the reports of a mail. It goes without what is longer.
const MaxReport = 1 << 20

// An Event is one change, with what any receiver may want to know of it. It holds no address,
// path or query of a visitor: receivers are other people's machines.
type Event struct {
	// What names the change, and nothing else, on every edge: an ID is sent once. Default:
	// Incident and Kind.
	ID string

	// What the changes of one incident have in common, at most 255 bytes. Default: ID.
	Incident string

	Kind     Kind
	Severity Severity

	// The shop and its name; both empty if it is about the whole tier. Of an alert about one
	// edge only the name is set, such as "edge fra-1".
	Shop     shop.ID
	ShopName string

	Level shop.Level

	// What has happened, in a sentence or two.
	Words string

	At     time.Time // of the change
	Starts time.Time // of the incident; zero: At
	Ends   time.Time // zero unless it is over

	// A page of the host's own about the incident; http or https.
	Link string

	// Figures, in the order in which they are shown: the first Details are sent.
	Details []Detail

	// What a mail has attached; only if Kind is Over. Not to be changed once it is sent.
	Report *Report
}

// The bounds of what is sent. Longer texts are cut, and end in "…".
const (
	maxKey     = 255   // bytes of ID and Incident; PagerDuty's dedup_key has no more
	maxName    = 100   // characters
	maxWords   = 1_000 // characters
	maxLabel   = 80    // characters
	maxValue   = 400   // characters
	maxDetails = 20    // rows
	maxLink    = 2_000 // bytes
)

// bounded returns the event as it may be sent: whole, printable and within the bounds.
func (e Event) bounded(now time.Time) Event {
	e.ID, e.Incident = cutBytes(line(e.ID), maxKey), cutBytes(line(e.Incident), maxKey)
	if e.ID == "" {
		e.ID = cutBytes(e.Incident, maxKey-32) + "/" + min(e.Kind, kinds-1).String()
	}
	if e.Incident == "" {
		e.Incident = e.ID
	}
	e.Kind, e.Severity = min(e.Kind, kinds-1), min(e.Severity, severities-1)
	e.Shop, e.ShopName = shop.ID(cut(line(string(e.Shop)), maxName)), cut(line(e.ShopName), maxName)
	e.Level = min(e.Level, shop.Level(shop.Levels-1))
	e.Words = cut(line(e.Words), maxWords)
	if e.At.IsZero() {
		e.At = now
	}
	if e.Starts.IsZero() || e.Starts.After(e.At) {
		e.Starts = e.At
	}
	switch {
	case e.Kind != Over:
		e.Ends = time.Time{}
	case e.Ends.Before(e.Starts):
		e.Ends = e.At
	}
	if !isWebLink(e.Link) {
		e.Link = ""
	}
	e.Details = slices.Clone(e.Details[:min(len(e.Details), maxDetails)])
	for i, d := range e.Details {
		e.Details[i] = Detail{cut(line(d.Label), maxLabel), cut(line(d.Value), maxValue)}
	}
	if e.Report != nil && (e.Kind != Over || len(e.Report.Body) > MaxReport) {
		e.Report = nil
	}
	return e
}

// subject is what the event is about, for people.
func (e Event) subject() string {
	switch {
	case e.ShopName != "":
		return e.ShopName
	case e.Shop != "":
		return string(e.Shop)
	}
	return "the whole tier"
}

// title is the event in a line.
func (e Event) title() string {
	switch e.Kind {
	case Opened:
		return fmt.Sprintf("%s: attacked, level %v", e.subject(), e.Level)
	case Escalated:
		return fmt.Sprintf("%s: the attack goes on, level %v", e.subject(), e.Level)
	case Effective:
		return e.subject() + ": customers are served well again, the attack goes on"
	case Over:
		return e.subject() + ": over"
	case MissedTarget:
		return e.subject() + ": a target was missed"
	case EdgeStrained:
		return e.subject() + ": an edge is too busy"
	case StoreLost:
		return e.subject() + ": the shared store is lost"
	}
	return "Test of an alert: nothing has happened"
}
