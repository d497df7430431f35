package process

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestUnitsRefuseNoConnection: the units and the Caddyfile that ship, under a systemd of
// their own. New connections come all the time while the edge is restarted, and again while
// it is killed. Without theriac.socket, which is the control, some are refused.
func TestUnitsRefuseNoConnection(t *testing.T) {
	need.Curl(t)
	t.Parallel()
	m := need.Systemd(t)
	m.Install("theriac")
	for _, unit := range []string{"theriac.service", "theriac.socket"} {
		m.Put("/etc/systemd/system/"+unit, shipped(t, unit), 0o644)
	}
	config := shipped(t, "edge.Caddyfile")
	_, rest, ok := strings.Cut(config, "\t\tredis ")
	before := strings.TrimSuffix(config, "\t\tredis "+rest)
	_, after, closed := strings.Cut(rest, "\n\t\t}\n")
	if !ok || !closed {
		t.Fatal("edge.Caddyfile has no block redis: correct this test")
	}
	config = strings.NewReplacer("\temail {$THERIAC_ACME_EMAIL:hostmaster@example.org}", "\tlocal_certs\n\tskip_install_trust", "drain 5s", "drain 1s").Replace(before + after)
	m.Put("/etc/theriac/Caddyfile", config, 0o644)
	m.Put("/etc/theriac/secret", strings.Repeat("s", 32), 0o644)
	m.Put("/etc/theriac/shops/x.Caddyfile", "shop.localhost {\n\tshield x {\n\t\twatch shadow\n\t\tlimit client off\n\t\tlimit subnet off\n\t\tlimit pages off\n\t}\n\trespond ok\n}\n", 0o644)
	const ask = "curl -sk --max-time 40 -o /dev/null -w '%{exitcode} %{http_code}\\n' --resolve shop.localhost:443:127.0.0.1 https://shop.localhost/"
	m.Put("/srv/load.sh", "while [ ! -e /srv/enough ]; do "+ask+" >> /srv/answers; done; touch /srv/done\n", 0o755)
	m.Boot()
	m.Must("ip link set lo up; useradd --system --user-group --create-home --home-dir /var/lib/caddy --shell /usr/sbin/nologin caddy; systemctl enable --now theriac.socket theriac")
	kit.Eventually(t, 30*time.Second, "the edge has its certificate, and answers", func() bool {
		return strings.TrimSpace(m.Must(ask+" || true")) == "0 200"
	})
	during := func(act string) (answers map[string]int) {
		m.Must("rm -f /srv/answers /srv/enough /srv/done; (setsid sh /srv/load.sh >/dev/null 2>&1 </dev/null &); sleep 0.5; " + act + "; sleep 1; touch /srv/enough; while [ ! -e /srv/done ]; do sleep 0.1; done")
		answers = make(map[string]int)
		for line := range strings.Lines(m.Must("cat /srv/answers")) {
			answers[strings.TrimSpace(line)]++
		}
		t.Logf("%s: %v", act, answers)
		return answers
	}
	if answers := during("systemctl restart theriac"); len(answers) != 1 || answers["0 200"] == 0 {
		t.Errorf("at a restart: %v, want only 0 200", answers)
	}
	// What a killed edge was answering is lost, which is one connection here at most.
	if answers := during("systemctl kill --signal KILL theriac; sleep 2"); answers["7 000"] > 0 || answers["0 200"] == 0 {
		t.Errorf("after it was killed: %v, want no 7 000, which is a refused connection", answers)
	}
	m.Must("systemctl stop theriac.socket theriac; sed -i '/theriac.socket/d' /etc/systemd/system/theriac.service; systemctl daemon-reload; systemctl start theriac")
	if answers := during("systemctl restart theriac"); answers["7 000"] == 0 {
		t.Errorf("without the socket unit: %v, want some 7 000: this test proves nothing", answers)
	}
}

func shipped(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../caddyfiles/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
