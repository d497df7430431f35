package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// These are receivers as their public documentation describes them. They refuse what the real
// ones refuse or show wrongly, and fields that they do not know.

var schemas = map[string]func(body []byte) error{
	"theriac": theriacSchema, "slack": slackSchema, "teams": teamsSchema, "pagerduty": pagerDutySchema, "alertmanager": alertmanagerSchema,
}

func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// all returns the first of what is wrong.
func all(checks ...error) error { return errors.Join(checks...) }

func want(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func length(what, text string, least, most int) error {
	n := utf8.RuneCountInString(text)
	return want(n >= least && n <= most, "%s has %d characters, want %d to %d", what, n, least, most)
}

func webLink(what, text string) error {
	u, err := url.Parse(text)
	return want(err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http"), "%s is no link: %q", what, text)
}

// theriacSchema: the payload that Standard Webhooks recommends, of at most 20 kB.
func theriacSchema(body []byte) error {
	var b struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if err := strict(body, &b); err != nil {
		return err
	}
	errs := []error{
		want(regexp.MustCompile(`^alert\.[a-z_]+$`).MatchString(b.Type), "type is %q", b.Type),
		want(!b.Timestamp.IsZero(), "timestamp is missing"),
	}
	one := func(data json.RawMessage) error {
		var r struct {
			Node                                                                           string
			ID, Incident, Kind, Severity, Shop, Name, Title, Words, Link, At, Starts, Ends string
			Level                                                                          int
			Details                                                                        []struct{ Label, Value string }
		}
		if err := strict(data, &r); err != nil {
			return err
		}
		_, atErr := time.Parse(time.RFC3339, r.At)
		_, startsErr := time.Parse(time.RFC3339, r.Starts)
		return all(atErr, startsErr, want(slices.Contains(kindNames[:], r.Kind), "kind is %q", r.Kind),
			want(slices.Contains(severityNames[:], r.Severity), "severity is %q", r.Severity),
			want(r.ID != "" && len(r.ID) <= 255 && r.Incident != "" && len(r.Incident) <= 255, "id %q, incident %q", r.ID, r.Incident))
	}
	if b.Type != "alert.merged" {
		return all(append(errs, one(b.Data))...)
	}
	var merged struct {
		Node, Severity, Title string
		Alerts                []json.RawMessage
		More                  int
	}
	errs = append(errs, strict(b.Data, &merged), want(len(merged.Alerts) > 1 && merged.Title != "", "%d alerts are merged", len(merged.Alerts)))
	for _, data := range merged.Alerts {
		errs = append(errs, one(data))
	}
	return all(errs...)
}

// slackSchema: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ (text),
// https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments/
// (attachments; footer of 300 characters), https://docs.slack.dev/messaging/formatting-message-text/
// (&, < and > are escaped; what stands between < and > is a mention or a link),
// https://docs.mattermost.com/administration-guide/configure/ (a post has 16,383 characters).
func slackSchema(body []byte) error {
	var b struct {
		Text        string `json:"text"`
		Mrkdwn      *bool  `json:"mrkdwn"`
		Attachments []struct {
			Fallback  string `json:"fallback"`
			Color     string `json:"color"`
			Title     string `json:"title"`
			TitleLink string `json:"title_link"`
			Text      string `json:"text"`
			Fields    []struct {
				Title string `json:"title"`
				Value string `json:"value"`
				Short bool   `json:"short"`
			} `json:"fields"`
			Footer string `json:"footer"`
			TS     int64  `json:"ts"`
		} `json:"attachments"`
	}
	if err := strict(body, &b); err != nil {
		return err
	}
	errs := []error{
		length("text", b.Text, 1, 4000), plainSlack(b.Text), want(b.Mrkdwn != nil && !*b.Mrkdwn, "mrkdwn is not false"),
		want(len(b.Attachments) == 1, "%d attachments, want 1", len(b.Attachments)),
	}
	for _, a := range b.Attachments {
		errs = append(errs, length("fallback", a.Fallback, 1, 4000), plainSlack(a.Fallback), length("attachment", a.Text, 0, 8000), plainSlack(a.Text),
			length("footer", a.Footer, 1, 300), plainSlack(a.Footer), want(a.TS > 0 || a.TS < 0, "ts is missing"),
			want(regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(a.Color), "color is %q", a.Color))
		if a.Title != "" || a.TitleLink != "" {
			errs = append(errs, length("title", a.Title, 1, 1024), webLink("title_link", a.TitleLink))
		}
		for _, f := range a.Fields {
			errs = append(errs, length("field", f.Title, 0, 1024), length("value", f.Value, 0, 2000), plainSlack(f.Title), plainSlack(f.Value))
		}
	}
	return all(errs...)
}

// plainSlack refuses texts in which a receiver would see a mention, a link or markup.
func plainSlack(text string) error {
	rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(text)
	return all(want(!strings.ContainsAny(rest, "<>&"), "a character of Slack is not escaped: %q", text),
		want(!regexp.MustCompile(`@\w`).MatchString(text), "a mention: %q", text),
		want(!strings.Contains(text, "]("), "a link of Markdown: %q", text))
}

// teamsSchema: https://learn.microsoft.com/connectors/teams/#request-body-schema (message,
// attachments), https://adaptivecards.io/schemas/adaptive-card.json (RichTextBlock and TextRun
// of version 1.2), https://learn.microsoft.com/microsoftteams/limits-specifications-teams (28 KB).
func teamsSchema(body []byte) error {
	type run struct {
		Type, Text, Weight, Size, Color string
	}
	var b struct {
		Type        string
		Attachments []struct {
			ContentType string
			ContentURL  any
			Content     struct {
				Schema  string `json:"$schema"`
				Type    string
				Version string
				Body    []struct {
					Type, Spacing string
					Inlines       []run
				}
				Actions []struct{ Type, Title, URL string }
				MSTeams struct{ Width string }
			}
		}
	}
	if err := strict(body, &b); err != nil {
		return err
	}
	errs := []error{
		want(len(body) <= 28<<10, "the message has %d bytes", len(body)), want(b.Type == "message", "type is %q", b.Type),
		want(len(b.Attachments) == 1, "%d attachments", len(b.Attachments)),
	}
	oneOf := func(what, value, list string) error {
		return want(slices.Contains(strings.Fields(list), value), "%s is %q, want one of %s", what, value, list)
	}
	for _, a := range b.Attachments {
		errs = append(errs, want(a.ContentType == "application/vnd.microsoft.card.adaptive", "contentType is %q", a.ContentType),
			want(a.ContentURL == nil, "contentUrl is not null"), want(a.Content.Type == "AdaptiveCard", "type is %q", a.Content.Type),
			want(a.Content.Schema == "http://adaptivecards.io/schemas/adaptive-card.json", "$schema is %q", a.Content.Schema),
			oneOf("version", a.Content.Version, "1.2 1.3 1.4 1.5"), want(len(a.Content.Body) > 1, "the body has %d blocks", len(a.Content.Body)))
		for _, block := range a.Content.Body {
			// A TextBlock or a FactSet would read Markdown in texts.
			errs = append(errs, want(block.Type == "RichTextBlock", "a block of type %q", block.Type), want(len(block.Inlines) > 0, "a block without inlines"))
			for _, r := range block.Inlines {
				errs = append(errs, want(r.Type == "TextRun", "an inline of type %q", r.Type), oneOf("weight", r.Weight+"-", "- Bolder-"),
					oneOf("size", r.Size+"-", "- Small- Medium-"), oneOf("color", r.Color+"-", "- Accent- Warning- Attention- Good-"))
			}
		}
		for _, action := range a.Content.Actions {
			errs = append(errs, want(action.Type == "Action.OpenUrl" && action.Title != "", "an action %q", action.Type), webLink("url", action.URL))
		}
	}
	return all(errs...)
}

// pagerDutySchema: https://developer.pagerduty.com/docs/send-alert-event (required fields,
// dedup_key of 255 characters, summary of 1024, severities; 512 KB).
func pagerDutySchema(body []byte) error {
	var b struct {
		RoutingKey  string `json:"routing_key"`
		EventAction string `json:"event_action"`
		DedupKey    string `json:"dedup_key"`
		Client      string `json:"client"`
		Payload     *struct {
			Summary       string            `json:"summary"`
			Source        string            `json:"source"`
			Severity      string            `json:"severity"`
			Timestamp     time.Time         `json:"timestamp"`
			Component     string            `json:"component"`
			Class         string            `json:"class"`
			CustomDetails map[string]string `json:"custom_details"`
		} `json:"payload"`
		Links []struct {
			HRef string `json:"href"`
			Text string `json:"text"`
		} `json:"links"`
	}
	if err := strict(body, &b); err != nil {
		return err
	}
	errs := []error{
		length("routing_key", b.RoutingKey, 32, 32), length("dedup_key", b.DedupKey, 1, 255), want(len(body) <= 512_000, "%d bytes", len(body)),
		want(slices.Contains([]string{"trigger", "acknowledge", "resolve"}, b.EventAction), "event_action is %q", b.EventAction),
		want((b.EventAction == "trigger") == (b.Payload != nil), "event_action is %q, payload: %v", b.EventAction, b.Payload != nil),
	}
	if b.Payload != nil {
		errs = append(errs, length("summary", b.Payload.Summary, 1, 1024), length("source", b.Payload.Source, 1, 255),
			want(slices.Contains([]string{"critical", "error", "warning", "info"}, b.Payload.Severity), "severity is %q", b.Payload.Severity),
			want(!b.Payload.Timestamp.IsZero(), "timestamp is missing"))
	}
	for _, link := range b.Links {
		errs = append(errs, webLink("href", link.HRef))
	}
	return all(errs...)
}

// alertmanagerSchema: postableAlerts of
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, and what
// Alert.Validate of its types refuses: names of labels, no label without a value, the order of times.
func alertmanagerSchema(body []byte) error {
	var b []struct {
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		StartsAt     time.Time         `json:"startsAt"`
		EndsAt       time.Time         `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL"`
	}
	if err := strict(body, &b); err != nil {
		return err
	}
	errs := []error{want(len(b) > 0, "no alerts")}
	known := map[string]bool{}
	for _, a := range b {
		labels := fmt.Sprint(a.Labels)
		errs = append(errs, want(a.Labels["alertname"] != "", "no alertname"), want(!known[labels], "the same labels twice: %s", labels),
			want(!a.StartsAt.IsZero() && !a.EndsAt.Before(a.StartsAt), "it starts at %v and ends at %v", a.StartsAt, a.EndsAt))
		known[labels] = true
		for _, set := range []map[string]string{a.Labels, a.Annotations} {
			for name, value := range set {
				errs = append(errs, want(regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`).MatchString(name), "the name %q", name),
					want(utf8.ValidString(value) && value != "", "the value %q of %s", value, name))
			}
		}
		if a.GeneratorURL != "" {
			errs = append(errs, webLink("generatorURL", a.GeneratorURL))
		}
	}
	return all(errs...)
}
