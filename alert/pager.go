package alert

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// pagerDutyBody is an event of PagerDuty's Events API v2
// (https://developer.pagerduty.com/docs/send-alert-event).
type pagerDutyBody struct {
	RoutingKey  string            `json:"routing_key"`
	EventAction string            `json:"event_action"`
	DedupKey    string            `json:"dedup_key"`
	Client      string            `json:"client,omitempty"`
	Payload     *pagerDutyPayload `json:"payload,omitempty"` // of a trigger only
	Links       []pagerDutyLink   `json:"links,omitempty"`
}

type pagerDutyPayload struct {
	Summary       string            `json:"summary"`
	Source        string            `json:"source"`
	Severity      Severity          `json:"severity"`
	Timestamp     time.Time         `json:"timestamp"`
	Component     string            `json:"component,omitempty"`
	Class         string            `json:"class"`
	CustomDetails map[string]string `json:"custom_details,omitempty"`
}

type pagerDutyLink struct {
	HRef string `json:"href"`
	Text string `json:"text"`
}

// maxSummary is how many characters PagerDuty shows of a summary.
const maxSummary = 1024

// newPagerDuty encodes for PagerDuty. Its incident is acknowledged once customers are served
// well again: no other person has to be paged then.
func newPagerDuty(w *Webhook, node string) encoder {
	return func(m message, _ time.Time) (any, func()) {
		e := m.events[0]
		body := pagerDutyBody{RoutingKey: w.RoutingKey, DedupKey: e.Incident}
		switch e.Kind {
		case Over:
			body.EventAction = "resolve"
			return body, nil
		case Effective:
			body.EventAction = "acknowledge"
			return body, nil
		}
		body.EventAction, body.Client = "trigger", "Theriac"
		source := node
		if source == "" {
			source = "theriac"
		}
		body.Payload = &pagerDutyPayload{
			Summary: cut(strings.TrimSuffix(m.title()+". "+m.text(), ". "), maxSummary), Source: source, Severity: e.Severity,
			Timestamp: e.At.UTC(), Component: string(e.Shop), Class: e.Kind.String(), CustomDetails: map[string]string{},
		}
		for _, d := range m.rows() {
			body.Payload.CustomDetails[d.Label] = d.Value
		}
		if e.Link != "" {
			body.Links = []pagerDutyLink{{e.Link, "Report"}}
		}
		return body, nil
	}
}

// alertmanagerAlert is one of the list that Alertmanager's API v2 takes (postableAlert of
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml).
type alertmanagerAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// An open alert is told again each repeatEvery, and ends by itself at Alertmanager once it has
// not been for lastsFor: so one of an edge that died does not stay.
const (
	repeatEvery = time.Minute
	lastsFor    = 5 * time.Minute
)

// alertmanager knows by which labels Alertmanager knows the open incidents: an alert is ended
// by the labels that it began with.
type alertmanager struct {
	node   string
	labels map[string]map[string]string // by incident
}

// newAlertmanager encodes for Alertmanager. Its worker uses it alone.
func newAlertmanager(_ *Webhook, node string) encoder {
	a := &alertmanager{node: node, labels: map[string]map[string]string{}}
	return a.encode
}

func (a *alertmanager) encode(m message, now time.Time) (any, func()) {
	var list []alertmanagerAlert
	open, over := map[string]map[string]string{}, []string{}
	for _, e := range m.latest() {
		labels, known := a.labelsOf(e), a.labels[e.Incident]
		ends := now.Add(lastsFor)
		switch {
		case e.Kind == Over:
			if known != nil {
				labels = known
			}
			ends = e.Ends
			over = append(over, e.Incident)
		case known != nil && m.repeated:
			labels = known
		default:
			if known != nil && !maps.Equal(known, labels) {
				list = append(list, alertmanagerAlert{Labels: known, StartsAt: e.Starts.UTC(), EndsAt: later(now, e.Starts)})
			}
			open[e.Incident] = labels
		}
		list = append(list, alertmanagerAlert{
			Labels: labels, Annotations: a.annotationsOf(e),
			StartsAt: e.Starts.UTC(), EndsAt: later(ends, e.Starts), GeneratorURL: e.Link,
		})
	}
	return list, func() {
		maps.Copy(a.labels, open)
		for _, incident := range over {
			delete(a.labels, incident)
		}
		if len(a.labels) > maxRecent {
			clear(a.labels) // what is open is told again in a minute
		}
	}
}

// later returns the later of two times: Alertmanager refuses an alert that ends before it starts.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		a = b
	}
	return a.UTC()
}

// labelsOf are what Alertmanager routes and deduplicates by. The edge is none of them: another
// one may go on with the incident.
func (a *alertmanager) labelsOf(e Event) map[string]string {
	name := "TheriacAttack"
	switch e.Kind {
	case EdgeStrained:
		name = "TheriacEdgeStrained"
	case StoreLost:
		name = "TheriacStoreLost"
	case Test:
		name = "TheriacTest"
	}
	if known := a.labels[e.Incident]; known != nil {
		name = known["alertname"]
	}
	labels := map[string]string{"alertname": name, "incident": e.Incident, "severity": e.Severity.String()}
	if e.Shop != "" {
		labels["shop"] = string(e.Shop)
	}
	return labels
}

func (a *alertmanager) annotationsOf(e Event) map[string]string {
	notes := map[string]string{"summary": e.title(), "kind": e.Kind.String(), "level": strconv.Itoa(int(e.Level))}
	if e.Words != "" {
		notes["description"] = e.Words
	}
	if a.node != "" {
		notes["edge"] = a.node
	}
	var rows []string
	for _, d := range e.Details {
		rows = append(rows, d.Label+": "+d.Value)
	}
	if len(rows) > 0 {
		notes["details"] = strings.Join(rows, "\n")
	}
	return notes
}
