package alert

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

const routingKey = "0123456789abcdef0123456789ABCDEF"

// encoded is the body that a receiver of the format gets.
func encoded(t testing.TB, name string, events ...Event) []byte {
	t.Helper()
	now := time.Date(2026, 11, 29, 10, 42, 4, 0, time.UTC)
	for i, e := range events {
		events[i] = e.bounded(now)
	}
	f := formats[name]
	body, _, err := f.encode(f.new(&Webhook{RoutingKey: routingKey}, "fra-1"), newMessage(events...), now)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// change is one of many shops'.
func change(i int, kind Kind) Event {
	e := opened()
	e.ID, e.Incident, e.Kind = fmt.Sprintf("%d/%v", i, kind), fmt.Sprintf("incident-%d", i), kind
	e.Shop, e.ShopName = shop.ID(fmt.Sprintf("shop-%d", i)), fmt.Sprintf("Shop %d", i)
	return e
}

// TestFormats: every kind of alert, alone and merged, is what each receiver's documentation
// asks for.
func TestFormats(t *testing.T) {
	for name, check := range schemas {
		t.Run(name, func(t *testing.T) {
			for kind := range kinds {
				body := encoded(t, name, change(1, kind))
				if err := check(body); err != nil {
					t.Errorf("%v: %v\n%s", kind, err, body)
				}
			}
			if formats[name].takes == single {
				return
			}
			var many []Event
			for i := range queueSize {
				many = append(many, change(i, Kind(i%int(kinds))), change(i, Over))
			}
			body := encoded(t, name, many...)
			if err := check(body); err != nil {
				t.Errorf("%d alerts: %v\n%s", len(many), err, body[:min(len(body), 2000)])
			}
		})
	}
}

// TestTeamsPayload: the card, which docs/operations/alerts.md only describes.
func TestTeamsPayload(t *testing.T) {
	const want = `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Löwen Apotheke: attacked, level 2 attack","weight":"Bolder","size":"Medium","color":"Attention"}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Many strangers that behave unlike browsers: 2,140/s, usual 0.4."}],"spacing":"Small"},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Incident: ","weight":"Bolder"},{"type":"TextRun","text":"20261129-1042-loewen"}],"spacing":"Small"},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Began: ","weight":"Bolder"},{"type":"TextRun","text":"2026-11-29 10:42:00 UTC"}],"spacing":"Small"},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Peak: ","weight":"Bolder"},{"type":"TextRun","text":"2,140/s"}],"spacing":"Small"},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Sources: ","weight":"Bolder"},{"type":"TextRun","text":"1,130"}],"spacing":"Small"},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Theriac fra-1","size":"Small"}],"spacing":"Medium"}],"actions":[{"type":"Action.OpenUrl","title":"Report","url":"https://status.example/loewen"}],"msteams":{"width":"full"}}}]}`
	if got := string(encoded(t, "teams", opened())); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

// TestPagerDutyKey: all changes of an incident have one key, and end what the first began.
func TestPagerDutyKey(t *testing.T) {
	for kind, want := range map[Kind]string{
		Opened: "trigger", Escalated: "trigger", MissedTarget: "trigger", Effective: "acknowledge", Over: "resolve",
	} {
		var got struct {
			Action string `json:"event_action"`
			Key    string `json:"dedup_key"`
		}
		if err := json.Unmarshal(encoded(t, "pagerduty", change(7, kind)), &got); err != nil || got.Action != want || got.Key != "incident-7" {
			t.Errorf("%v: %+v, %v; want %s of incident-7", kind, got, err, want)
		}
	}
}

// TestSchemasRefuse: the receivers of these tests refuse what a real one would.
func TestSchemasRefuse(t *testing.T) {
	for _, step := range []struct{ name, old, new string }{
		{"theriac", `"type":"alert.opened"`, `"type":"opened alert"`},
		{"theriac", `"kind":"opened"`, `"kind":"begun"`},
		{"theriac", `"node":`, `"edge":`},
		{"theriac", `"2026-11-29T10:42:03Z"`, `"10:42"`},
		{"slack", `"mrkdwn":false`, `"mrkdwn":true`},
		{"slack", `"text":"Löwen`, `"text":"<!channel> Löwen`},
		{"slack", `"text":"Löwen`, `"text":"@all Löwen`},
		{"slack", `"text":"Löwen`, `"text":"[a](b) Löwen`},
		{"slack", `"text":"Löwen`, `"text":"Löwen & Sonne`},
		{"slack", `"#c62828"`, `"red"`},
		{"slack", `"fallback"`, `"fall_back"`},
		{"slack", `https://status`, `javascript:status`},
		{"teams", `"contentUrl":null`, `"contentUrl":"x"`},
		{"teams", `"type":"RichTextBlock"`, `"type":"TextBlock"`},
		{"teams", `"type":"message"`, `"type":"MessageCard"`},
		{"teams", `"text":"1,130"`, `"text":"` + strings.Repeat("x", 28<<10) + `"`},
		{"pagerduty", `"trigger"`, `"open"`},
		{"pagerduty", `"trigger"`, `"resolve"`},
		{"pagerduty", `"critical"`, `"fatal"`},
		{"pagerduty", `"dedup_key":"`, `"dedup_key":"` + strings.Repeat("x", 255)},
		{"pagerduty", `"summary":"`, `"summary":"` + strings.Repeat("x", 1024)},
		{"pagerduty", `0123456789abcdef`, `0123`},
		{"alertmanager", `"alertname":"TheriacAttack",`, ``},
		{"alertmanager", `"kind":"opened"`, `"the kind":"opened"`},
		{"alertmanager", `"shop":"loewen"`, `"shop":""`},
		{"alertmanager", `10:47:04Z`, `10:41:04Z`},
		{"alertmanager", `[{`, `{`},
	} {
		good := string(encoded(t, step.name, opened()))
		bad := strings.Replace(good, step.old, step.new, 1)
		if bad == good {
			t.Errorf("%s: %q is not in the body", step.name, step.old)
		}
		if err := schemas[step.name]([]byte(bad)); err == nil {
			t.Errorf("%s: accepted with %.60q instead of %q", step.name, step.new, step.old)
		}
	}
}

// TestMergedTitle: several changes become one line that says what matters.
func TestMergedTitle(t *testing.T) {
	for name, step := range map[string]struct {
		events []Event
		want   string
	}{
		"five shops": {
			[]Event{change(1, Opened), change(2, Opened), change(3, Opened), change(4, Opened), change(5, Opened)},
			"5 shops are attacked: Shop 1, Shop 2, Shop 3, Shop 4, Shop 5",
		},
		"an incident that ended meanwhile": {
			[]Event{change(1, Opened), change(1, Over), change(2, Opened)},
			"1 shop is attacked: Shop 2; 1 incident is over: Shop 1",
		},
		"more than a line holds": {
			func() (all []Event) {
				for i := range 12 {
					all = append(all, change(i, Over))
				}
				return all
			}(),
			"12 incidents are over: Shop 0, Shop 1, Shop 2, Shop 3, Shop 4, Shop 5, Shop 6, Shop 7, Shop 8, Shop 9 and 2 more",
		},
	} {
		if got := newMessage(step.events...).title(); got != step.want {
			t.Errorf("%s: %q, want %q", name, got, step.want)
		}
	}
}

// FuzzFormats: whatever an event holds, each receiver gets what it understands, and nothing in
// it is a mention, a link or markup.
func FuzzFormats(f *testing.F) {
	f.Add("<!channel> @here", "a\x00\u202eb\n\n*c* [d](https://e)", "&amp;|<https://x|y>", "https://x.example/", uint8(0), uint8(3))
	f.Add(strings.Repeat("ä", 300), strings.Repeat("\\\"", 3000), strings.Repeat("💊", 500), "javascript:alert(1)", uint8(3), uint8(9))
	f.Add("x", strings.Repeat("\"", 3000), "\\", "https://host.example/a%20b?c=d#e", uint8(0), uint8(2))
	f.Add("", "", "\xff\xfe", "http://a b", uint8(255), uint8(255))
	f.Fuzz(func(t *testing.T, incident, words, name, link string, kind, severity uint8) {
		e := Event{
			Incident: incident, Kind: Kind(kind), Severity: Severity(severity), Shop: shop.ID(name), ShopName: name,
			Level: shop.Level(kind), Words: words, Link: link,
		}
		for range 30 {
			e.Details = append(e.Details, Detail{Label: name, Value: words})
		}
		for format, check := range schemas {
			body := encoded(t, format, e)
			if err := check(body); err != nil {
				t.Errorf("%s: %v\n%s", format, err, body)
			}
		}
	})
}
