package alerts

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestStoreLost: two edges lose their store for five seconds, which tells nobody, and then for
// good. Each tells its receivers once, over reloads; one that refuses is a dead letter; when the
// store is back each says so.
func TestStoreLost(t *testing.T) {
	need.Time(t)
	t.Parallel()
	redis, hook, refuses, mail, manager := need.Redis(t), newReceiver(t), newReceiver(t), need.Mail(t), need.Alertmanager(t)
	refuses.answer(http.StatusGone)
	password := filepath.Join(t.TempDir(), "password")
	write(t, password, mail.Password+"\n")
	var edges []*edge.Edge
	var configs, letters []string
	for _, node := range []string{"fra-1", "fra-2"} {
		dead := filepath.Join(t.TempDir(), "dead.jsonl")
		more := fmt.Sprintf("\talertmanager %s\n\tmail on-call@host.example {\n\t\tserver %s:%d\n\t\tfrom theriac@host.example\n\t\tusername %s\n\t\tpassword {file.%s}\n\t\tca_file %s\n\t}\n\tdead_letters %s\n",
			manager, mail.Host, mail.Port, mail.User, password, mail.RootCA, dead)
		config := kit.Global("node " + node + "\nsecret " + kit.Secret + "\nredis redis://" + redis.Addr + "\n" + hooks(more, hook, refuses))
		edges = append(edges, edge.Start(t, config+kit.Site(kit.AnyHost, "shield loewen")))
		configs, letters = append(configs, config), append(letters, dead)
	}
	shared := func(want int) {
		t.Helper()
		for _, e := range edges {
			kit.Eventually(t, 20*time.Second, fmt.Sprintf("theriac_store_shared %d", want), func() bool {
				return strings.Contains(e.Metrics(t), fmt.Sprintf("\ntheriac_store_shared %d\n", want))
			})
		}
	}
	reload := func(n int) {
		for i, e := range edges {
			e.Reload(t, variables(e, configs[i]+kit.Site(kit.AnyHost, fmt.Sprintf("shield loewen\nheader X-New %d", n))))
		}
	}
	shared(1)
	redis.Kill()
	shared(0)
	time.Sleep(5 * time.Second)
	redis.Restart()
	shared(1)
	redis.Kill()
	shared(0)
	reload(1)
	lost := []string{"store_lost store-lost/fra-1", "store_lost store-lost/fra-2"}
	kit.Eventually(t, time.Minute, "both edges tell of the store", func() bool { _, took := hook.seen(); return len(took) >= 2 })
	reload(2)
	mail.Mails(2)
	kit.Eventually(t, 20*time.Second, "Alertmanager has both", func() bool { return len(active(t, manager)) == 2 })
	for i, e := range edges {
		kit.Eventually(t, 20*time.Second, "a dead letter", func() bool {
			return kit.Metric(t, e, `theriac_alert_total{outcome="dead",receiver="hook-2"}`) == 1
		})
		if text, err := os.ReadFile(letters[i]); err != nil || strings.Count(string(text), "\n") != 1 ||
			!strings.Contains(string(text), `"receiver":"hook-2","why":"alert receiver hook-2 (127.0.0.1): answered Gone (410)"`) {
			t.Errorf("dead letters: %s, %v", text, err)
		}
	}
	redis.Restart()
	shared(1)
	kit.Eventually(t, 20*time.Second, "both edges tell that it is over", func() bool { _, took := hook.seen(); return len(took) >= 4 })
	if tries, took := hook.seen(); tries != 4 || !slices.Equal(took, slices.Concat([]string{"over store-lost/fra-1", "over store-lost/fra-2"}, lost)) {
		t.Errorf("of %d messages the webhook took %q", tries, took)
	}
	mail.Mails(4)
	kit.Eventually(t, 20*time.Second, "Alertmanager knows that it is over", func() bool { return len(active(t, manager)) == 0 })
	for _, body := range slices.Concat(hook.bodies, refuses.bodies) {
		if strings.Contains(body, redis.Addr) || !strings.Contains(body, `"name":"edge fra-`) {
			t.Errorf("the message has the address of the store, or not the edge: %s", body)
		}
	}
}

// active are the incidents that Alertmanager has open.
func active(t *testing.T, url string) (incidents []string) {
	t.Helper()
	answer, err := http.Get(url + "/api/v2/alerts?active=true")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var all []struct{ Labels map[string]string }
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Labels["alertname"] == "TheriacStoreLost" {
			incidents = append(incidents, a.Labels["incident"])
		}
	}
	return incidents
}

// variables puts an edge's addresses into a Caddyfile that it reloads: only its own process has
// them in its environment.
func variables(e *edge.Edge, caddyfile string) string {
	return strings.NewReplacer("{$ADMIN}", e.Admin, "{$PORT}", kit.PortOf(e.Addr), "{$ADDR}", e.Addr).Replace(caddyfile)
}
