package alert

import (
	"fmt"
	"slices"
	"strings"
)

// A message is what one receiver gets at once: one change, or several that became one.
type message struct {
	id     string // the same in each try
	events []Event

	repeated bool // of what a receiver has been told already; see Hooks.Open
}

func newMessage(events ...Event) message {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return message{id: messageID(ids...), events: events}
}

// grouping is how a receiver takes several changes that come at once.
type grouping uint8

const (
	// To people: at most perMinute messages a minute; what is more becomes one text.
	merged grouping = iota
	// To Alertmanager, which groups by itself: a list.
	listed
	// To PagerDuty, which groups by itself: one by one, since each incident is resolved by its own key.
	single
)

// messages divides changes by what the receiver takes. free is how many messages it may still
// get in this minute.
func (g grouping) messages(events []Event, free int) (all []message) {
	if g == listed || g == merged && len(events) > free {
		return []message{newMessage(events...)}
	}
	for _, e := range events {
		all = append(all, newMessage(e))
	}
	return all
}

// isMerged reports whether the message tells of more than one change.
func (m message) isMerged() bool { return len(m.events) > 1 }

// severity is that of the most urgent change.
func (m message) severity() (s Severity) {
	for _, e := range m.events {
		s = max(s, e.Severity)
	}
	return s
}

// isOver reports whether nothing of what the message tells goes on.
func (m message) isOver() bool {
	return !slices.ContainsFunc(m.latest(), func(e Event) bool { return e.Kind != Over })
}

// latest returns the last change of each incident.
func (m message) latest() (events []Event) {
	for i, e := range m.events {
		same := func(later Event) bool { return later.Incident == e.Incident }
		if !slices.ContainsFunc(m.events[i+1:], same) {
			events = append(events, e)
		}
	}
	return events
}

// mergedPhrases say of one, and of several, what has happened to them.
var mergedPhrases = [kinds][2]string{
	Opened:       {"1 shop is attacked", "%d shops are attacked"},
	Escalated:    {"1 attack has a higher level", "%d attacks have a higher level"},
	Effective:    {"at 1 attacked shop customers are served well again", "at %d attacked shops customers are served well again"},
	Over:         {"1 incident is over", "%d incidents are over"},
	MissedTarget: {"1 target was missed", "%d targets were missed"},
	EdgeStrained: {"1 edge is too busy", "%d edges are too busy"},
	StoreLost:    {"the shared store is lost", "the shared store is lost for %d edges"},
	Test:         {"1 test", "%d tests"},
}

// title is the message in a line.
func (m message) title() string {
	if !m.isMerged() {
		return m.events[0].title()
	}
	var parts []string
	for kind := range kinds {
		var names []string
		for _, e := range m.latest() {
			if e.Kind == kind {
				names = append(names, e.subject())
			}
		}
		switch len(names) {
		case 0:
		case 1:
			parts = append(parts, mergedPhrases[kind][0]+": "+names[0])
		default:
			parts = append(parts, fmt.Sprintf(mergedPhrases[kind][1], len(names))+": "+namesOf(names))
		}
	}
	return strings.Join(parts, "; ")
}

// The most that a message lists of others.
const (
	maxNames = 10
	maxLines = 20
)

// namesOf lists names, but not all of very many.
func namesOf(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
}

// text is what the message has to say, in lines.
func (m message) text() string {
	if !m.isMerged() {
		return m.events[0].Words
	}
	var lines []string
	for _, e := range m.events[:min(len(m.events), maxLines)] {
		lines = append(lines, e.At.UTC().Format("15:04:05")+" "+e.title())
	}
	if more := len(m.events) - maxLines; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// rows are the table of the message: of one change only.
func (m message) rows() []Detail {
	if m.isMerged() {
		return nil
	}
	e := m.events[0]
	rows := []Detail{{"Incident", e.Incident}, {"Began", clock(e.Starts)}}
	if !e.Ends.IsZero() {
		rows = append(rows, Detail{"Ended", clock(e.Ends)})
	}
	return append(rows, e.Details...)
}

// link is where a click leads; empty: nowhere.
func (m message) link() string {
	if m.isMerged() {
		return ""
	}
	return m.events[0].Link
}

// withDetails is the message with at most that many details in each change.
func (m message) withDetails(most int) message {
	m.events = slices.Clone(m.events)
	for i, e := range m.events {
		m.events[i].Details = e.Details[:min(len(e.Details), most)]
	}
	return m
}
