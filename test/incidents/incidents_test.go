package incidents

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/modules/shieldctl"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/watch"
)

// recorder is an edge of the test's own, which leads and records.
type recorder struct {
	*incidents.Keeper
	began time.Time
}

func record(t *testing.T, redis string) *recorder {
	t.Helper()
	store, err := counters.NewRedis(counters.RedisOptions{
		Options: tier.Options{Addresses: []string{redis}, Node: "fra-1", Deadline: time.Second}, Memory: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	store.Start()
	kit.Eventually(t, 10*time.Second, "the store is shared", func() bool { return store.Status().Shared })
	dir := t.TempDir()
	keeper := incidents.New(incidents.Options{
		Store: store, Node: "fra-1", Log: zap.NewNop,
		Settings: func() incidents.Settings {
			return incidents.Settings{Journal: dir, Targets: incident.DefaultTargets()}
		},
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		keeper.Close(ctx)
	})
	return &recorder{keeper, time.Now().Add(-time.Hour).Truncate(time.Minute)}
}

// run tells a flood of login attempts at a shop, from the tenth second to the hundredth. Customers
// fare badly for three of them.
func (r *recorder) run(from, to int) {
	for second := from; second <= to; second++ {
		m := incident.Moment{Shop: "loewen", Level: shop.Attack, Expected: incident.Expected{Known: true, Customers: 4, Orders: 0.02}}
		m.Second.Customers, m.Second.Served, m.Second.Answered = 4, 4, 4
		if second%40 == 0 {
			m.Second.Orders = 1
		}
		if second >= 10 && second <= 100 {
			m.Hot, m.Need = true, shop.Attack
			m.Second.Strangers[watch.Account] = 200
			m.Second.Stopped[watch.ByChallenge] = 180
			m.Sights = []incident.Sight{{Vector: watch.LoginGuessing, Onset: r.began.Add(10 * time.Second)}}
			if second < 14 {
				m.Second.Served = 1
			}
		}
		r.Step(&incidents.Second{
			At: r.began.Add(time.Duration(second) * time.Second), Edges: []string{"fra-1", "fra-2"}, Moments: []incident.Moment{m},
			Lead: counters.Leadership{Role: counters.Leading, Token: 1 << 50},
		})
		if second == 0 {
			time.Sleep(time.Second) // open incidents are being loaded
		}
	}
}

// shield runs a command against an edge.
func shield(t *testing.T, e *edge.Edge, args ...string) string {
	t.Helper()
	out, err := edge.Run(t, append(append([]string{"shield"}, args...), "--address", e.Admin)...)
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return out
}

// has fails the test for each text that is missing.
func has(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q:\n%s", what, want, text)
		}
	}
}

// TestOperatorsAsk about an incident that is open, and is over, at an edge that follows.
func TestOperatorsAsk(t *testing.T) {
	redis := need.Redis(t)
	r := record(t, redis.Addr)
	e := edge.Start(t, kit.Global(fmt.Sprintf("node fra-2\nredis redis://%s\nsecret 0123456789abcdef0123456789abcdef", redis.Addr))+
		kit.Site(kit.AnyHost, "shield loewen {\nname \"Löwen Apotheke\"\n}\nshop_backend 127.0.0.1:1"))
	kit.Eventually(t, 20*time.Second, "the edge shares the store", func() bool {
		return strings.Contains(shield(t, e, "status"), "shared; edges")
	})
	if out := shield(t, e, "incidents"); strings.Count(out, "\n") != 1 {
		t.Errorf("incidents of a calm tier:\n%s", out)
	}
	r.run(0, 60)
	id := r.began.Add(10*time.Second).UTC().Format("20060102-1504") + "-loewen"
	kit.Eventually(t, 20*time.Second, "the edge lists the open incident", func() bool {
		out := shield(t, e, "incidents")
		return strings.Contains(out, id) && strings.Contains(out, "open")
	})
	shield(t, e, "level", "loewen", "3", "--why", "ticket 4711")
	has(t, "a note", noted(t, r, e, id, "called the shop at 10:50 & they are calm"), "noted in the name of ")
	r.run(61+noteSeconds, 420)
	kit.Eventually(t, 20*time.Second, "the incident is over", func() bool { return !strings.Contains(shield(t, e, "incidents"), "open") })
	shield(t, e, "incidents", "note", id, "the bill is paid; see https://loewen.example/orders?id=7 from 192.0.2.7")

	has(t, "the list", shield(t, e, "incidents", "--shop", "loewen", "--since", time.Now().Add(-48*time.Hour).Format(time.DateOnly)),
		id, "login-guessing", "200/s", "met")
	if out := shield(t, e, "incidents", "--shop", "sonnen"); strings.Contains(out, id) {
		t.Errorf("another shop has the incident:\n%s", out)
	}
	has(t, "show", shield(t, e, "incidents", "show", id), id, "is over since", "login-guessing", "expected",
		"called the shop at 10:50 & they are calm", "level 3 heavy attack", "(ticket 4711)", "the bill is paid; see [path] from [address]")
	has(t, "the report", shield(t, e, "incidents", "export", id), "Löwen Apotheke (loewen)", "login-guessing")
	page := filepath.Join(t.TempDir(), "report.html")
	shield(t, e, "incidents", "export", id, "--format", "html", "-o", page)
	html, err := os.ReadFile(page)
	if info, wrong := os.Stat(page); err != nil || wrong != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the page: %v, %v, mode %v", err, wrong, info.Mode())
	}
	has(t, "the page", string(html), "<!DOCTYPE html>", "<svg", "Löwen Apotheke")
	var exported shieldctl.Incident
	if err := json.Unmarshal([]byte(shield(t, e, "incidents", "export", id, "--format", "json")), &exported); err != nil || exported.Record.ID != id || len(exported.Ledger) != 1 {
		t.Errorf("as JSON: %v, %+v", err, exported)
	}
	checkLedger(t, e, r.began.UTC().Format("2006-01"), id)
	for about, args := range map[string][]string{
		"no such incident": {"incidents", "show", "20261129-1042-nobody"},
		"want one line":    {"incidents", "note", id, "two\nlines"},
		"invalid --format": {"incidents", "export", id, "--format", "pdf"},
		"not a valid mont": {"ledger", "--month", "November"},
		"shop nam":         {"incidents", "--shop", "Löwen!"},
		"invalid time":     {"incidents", "--since", "yesterday"},
	} {
		if out, err := edge.Run(t, append(append([]string{"shield"}, args...), "--address", e.Admin)...); err == nil || !strings.Contains(out, about[:8]) {
			t.Errorf("%q: %v, %s; want %q", args, err, out, about)
		}
	}
}

// noteSeconds is for how many seconds the attack goes on while a note is sent.
const noteSeconds = 20

// noted adds a note to an open incident while the edge that records it goes on.
func noted(t *testing.T, r *recorder, e *edge.Edge, id, text string) (out string) {
	t.Helper()
	done := make(chan string, 1)
	go func() {
		said, err := edge.Run(t, "shield", "incidents", "note", id, text, "--address", e.Admin)
		if err != nil {
			said = fmt.Sprintf("%v: %s", err, said)
		}
		done <- said
	}()
	for second := 61; ; second++ {
		if second < 61+noteSeconds {
			r.run(second, second)
		}
		select {
		case out = <-done:
			r.run(second+1, 60+noteSeconds)
			return out
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// checkLedger reads the ledger in each form.
func checkLedger(t *testing.T, e *edge.Edge, month, id string) {
	t.Helper()
	has(t, "the ledger", shield(t, e, "ledger", "--month", month), id, "login-guessing", "3 s, 10 s", "met", "MEDIAN")
	rows, err := csv.NewReader(strings.NewReader(shield(t, e, "ledger", "--month", month, "--format", "csv"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][2] != id || rows[1][11] != "met" {
		t.Errorf("as CSV: %v, %q", err, rows)
	}
	var report shieldctl.LedgerReport
	if err := json.Unmarshal([]byte(shield(t, e, "ledger", "--month", month, "--format", "json")), &report); err != nil || len(report.Lines) != 1 || len(report.Totals) != 1 || report.Totals[0].Met != 1 {
		t.Errorf("as JSON: %v, %+v", err, report)
	}
	if out := shield(t, e, "ledger", "--month", month, "--shop", "sonnen"); strings.Contains(out, id) {
		t.Errorf("the ledger of another shop:\n%s", out)
	}
}
