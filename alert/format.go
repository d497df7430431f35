package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A format is how a kind of receiver wants to be told.
type format struct {
	takes grouping

	// How many bytes a body may have; 0: any that our bounds allow.
	most int

	// new makes what encodes the messages to one receiver.
	new func(w *Webhook, node string) encoder
}

// An encoder returns what a body says in JSON, and what to do once the receiver has taken it,
// which may be nil.
type encoder func(m message, now time.Time) (body any, taken func())

var formats = map[string]format{
	"theriac":      {takes: merged, new: newTheriac},
	"slack":        {takes: merged, new: newSlack},
	"teams":        {takes: merged, most: 28 << 10, new: newTeams},
	"alertmanager": {takes: listed, new: newAlertmanager},
	"pagerduty":    {takes: single, most: 512_000, new: newPagerDuty},
}

// encode returns the body of a message. If it has more bytes than the receiver takes, details
// are left out, the last first.
func (f format) encode(encode encoder, m message, now time.Time) (body []byte, taken func(), err error) {
	for most := maxDetails; ; most /= 2 {
		value, taken := encode(m.withDetails(most), now)
		body, err := marshal(value)
		if err != nil || f.most == 0 || len(body) <= f.most || most == 0 {
			return body, taken, err
		}
	}
}

// marshal is json.Marshal that leaves '<', '>' and '&' as they are: no body is HTML.
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("encoding an alert: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// A record is an event as theriac's own format and the dead letters have it.
type record struct {
	ID       string    `json:"id"`
	Incident string    `json:"incident"`
	Kind     Kind      `json:"kind"`
	Severity Severity  `json:"severity"`
	Shop     string    `json:"shop,omitempty"`
	Name     string    `json:"name,omitempty"`
	Level    uint8     `json:"level"`
	Title    string    `json:"title"`
	Words    string    `json:"words,omitempty"`
	At       time.Time `json:"at"`
	Starts   time.Time `json:"starts"`
	Ends     time.Time `json:"ends,omitzero"`
	Link     string    `json:"link,omitempty"`
	Details  []Detail  `json:"details,omitempty"`
}

func recordOf(e Event) record {
	return record{
		ID: e.ID, Incident: e.Incident, Kind: e.Kind, Severity: e.Severity,
		Shop: string(e.Shop), Name: e.ShopName, Level: uint8(e.Level),
		Title: e.title(), Words: e.Words, At: e.At.UTC(), Starts: e.Starts.UTC(), Ends: e.Ends.UTC(),
		Link: e.Link, Details: e.Details,
	}
}

// theriacBody is the form that Standard Webhooks recommends: type, timestamp, data.
type theriacBody struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// mergedData is what several changes have as their data. They are without details.
type mergedData struct {
	Node     string   `json:"node,omitempty"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Alerts   []record `json:"alerts"`
	More     int      `json:"more"` // that are not in Alerts
}

// newTheriac encodes our own format.
func newTheriac(_ *Webhook, node string) encoder {
	return func(m message, now time.Time) (any, func()) {
		if !m.isMerged() {
			data := struct {
				Node string `json:"node,omitempty"`
				record
			}{node, recordOf(m.events[0])}
			return theriacBody{"alert." + data.Kind.String(), now.UTC(), data}, nil
		}
		data := mergedData{Node: node, Severity: m.severity(), Title: m.title()}
		for _, e := range m.events[:min(len(m.events), maxLines)] {
			r := recordOf(e)
			r.Words, r.Details = "", nil
			data.Alerts = append(data.Alerts, r)
		}
		data.More = len(m.events) - len(data.Alerts)
		return theriacBody{"alert.merged", now.UTC(), data}, nil
	}
}
