package alerts

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var example = regexp.MustCompile("(?s)```caddyfile\n\\{\n\tshield \\{\n(.*?)\n\t\\}\n\\}\n```")

// TestExamplesOfThePage: an edge with each example of the page reaches the receivers, with real
// ones in place of those that the page names.
func TestExamplesOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, hook, mail := t.TempDir(), newReceiver(t), need.Mail(t)
	plain := kit.NewBackend(t) // what reads no signature: Slack, Teams, PagerDuty
	for name, text := range map[string]string{
		"slack-url": "http://" + plain.Addr + secretPath, "teams-url": "http://" + plain.Addr + secretPath,
		"pagerduty-key": "0123456789abcdef0123456789abcdef", "mail-password": mail.Password, "webhook-secret": "whsec_" + signingKey,
	} {
		write(t, filepath.Join(dir, name), text+"\n")
	}
	here := strings.NewReplacer(
		"/etc/theriac/", dir+"/", "/var/lib/caddy/", dir+"/",
		"http://monitor-1.example:9093", need.Alertmanager(t), "http://monitor-2.example:9093", need.Alertmanager(t),
		"https://events.eu.pagerduty.com/v2/enqueue", "http://"+plain.Addr, "https://tickets.example/theriac", hook.url,
		"server mail.example:587", "server "+mail.Host+":"+strconv.Itoa(mail.Port)+"\n\t\t\t\tca_file "+mail.RootCA,
		"username theriac", "username "+mail.User,
	)
	blocks := example.FindAllStringSubmatch(string(page), -1)
	mails := 0
	for _, block := range blocks {
		mails += strings.Count(block[1], "mail on-call@")
		e := edge.Start(t, kit.Global(here.Replace(block[1]))+kit.Site(kit.AnyHost, "shield loewen"))
		said, err := kit.Shield(t, e, "alerts", "test")
		if err != nil || !strings.Contains(said, "took it") {
			t.Errorf("%v\n%s\nof\n%s", err, said, block[1])
		}
		e.Kill()
	}
	if _, took := hook.seen(); len(blocks) != 7 || len(took) != 1 || plain.Requests.Load() != 4 {
		t.Errorf("%d examples; the webhook took %q, Slack, Teams and PagerDuty %d requests", len(blocks), took, plain.Requests.Load())
	}
	mail.Mails(mails)
}
