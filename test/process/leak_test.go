package process

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestReloadLeaksNothing loads and stops edges in this process. Two runs of
// Caddy without our modules show what Caddy itself leaves behind, once for the
// process; ours may leave nothing more, with a store in memory, a Redis, and a
// Redis that is lost.
func TestReloadLeaksNothing(t *testing.T) {
	need.Time(t)
	redis := need.Redis(t).Addr
	addr := need.Addr(t)
	ranges := filepath.Join(t.TempDir(), "ranges.txt")
	if err := os.WriteFile(ranges, []byte("192.0.2.0/24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	crawler := "\tpartner bot {\n\t\tranges " + ranges + "\n\t\treverse_dns bot.example\n\t\tresolver " + need.Addr(t) + "\n\t\tagent Bot\n\t}\n"
	page := kit.Site(":"+kit.PortOf(addr), "respond ok")
	shield := func(settings, rate string) string {
		gate := "\tservers {\n" + kit.Gate("listener_wrappers", "", "tls\n") + kit.Gate("packet_conn_wrappers", "", "") + "\t}\n"
		return strings.Replace(kit.Global(settings), "\tmetrics\n", gate, 1) +
			kit.Site(":"+kit.PortOf(addr), "shield loewen {\n"+crawler+"\tlimit client {\n\t\trate "+rate+"\n\t}\n}\nrespond ok")
	}
	bare := strings.Replace(kit.Global(""), "\tmetrics\n\tshield {\n\t\twatch shadow\n\t}\n", "", 1) + page
	run := func(configs ...string) {
		for _, config := range configs {
			loadHere(t, config)
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			// A connection that waits at the listener of the configuration
			// before is reset when that one closes.
			kit.Eventually(t, 5*time.Second, "the edge answers", func() bool {
				response, err := client.Get("http://" + addr)
				if err != nil {
					return false
				}
				_, _ = io.Copy(io.Discard, response.Body)
				return response.Body.Close() == nil
			})
		}
		stopHere(t)
	}
	run(bare, bare)
	run(bare, bare)
	caddys := goleak.IgnoreCurrent()
	// Caddy locks its storage to clean it, and the goroutine that keeps the lock looks each 5 s
	// whether it is still needed.
	lock := goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh")
	run(bare, bare)
	if err := goleak.Find(caddys, lock); err != nil {
		t.Fatalf("Caddy alone leaves more behind with each run: %v", err)
	}
	const secret = "secret only-for-tests-on-loopback\n"
	for range 3 {
		run(shield("", "20/s"), shield("", "30/s"), shield("memory 8MiB", "30/s"))
		run(shield("alerts {\n\tslack http://127.0.0.1:1/a\n}\n", "20/s"), shield("alerts {\n\tslack http://127.0.0.1:1/a\n}\n", "30/s"), shield("alerts {\n\tslack http://127.0.0.1:1/b\n}\n", "30/s"))
		run(shield(secret+"redis redis://"+redis, "20/s"), shield(secret+"redis redis://"+redis, "30/s"), shield("node b\n"+secret+"redis redis://"+redis, "30/s"))
		run(shield(secret+"redis redis://"+need.Addr(t), "20/s"), bare)
	}
	if err := goleak.Find(caddys, lock); err != nil {
		t.Error(err)
	}
}

// TestLeaksAreSeen is the control: goleak sees a goroutine that stays.
func TestLeaksAreSeen(t *testing.T) {
	before := goleak.IgnoreCurrent()
	stay := make(chan struct{})
	defer close(stay)
	go func() { <-stay }()
	if goleak.Find(before) == nil {
		t.Error("goleak saw nothing")
	}
}
