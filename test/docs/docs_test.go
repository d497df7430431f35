package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/caddyfiles"
	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/modules/shieldctl"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// Every session that a page shows prints what the page says.
func TestSessions(t *testing.T) {
	need.Loopback(t)
	names, err := pages("../..")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocksOf(strings.TrimPrefix(name, "../../"), string(text)) {
			played++
			t.Run(fmt.Sprintf("%s:%d", b.page, b.line), func(t *testing.T) {
				for _, complaint := range machineFor(t, b).run(b) {
					t.Error(complaint)
				}
			})
		}
	}
	if played < 5 {
		t.Errorf("%d sessions were found in README.md and docs/: is their fence ```console?", played)
	}
}

// machineFor starts what the commands of a block ask.
func machineFor(t *testing.T, b block) *machine {
	t.Helper()
	for _, s := range b.steps {
		if strings.HasPrefix(s.command, "scrubd ") {
			return scrubHost(t)
		}
	}
	return demoHost(t)
}

// demoHost is a machine with the edge and the shops of `theriac demo`.
func demoHost(t *testing.T) *machine {
	t.Helper()
	need.Curl(t)
	_, loewen := kit.OpenShop(t, demoshop.Loewen())
	_, sonnen := kit.OpenShop(t, demoshop.Sonnen())
	demo, err := caddyfiles.Files.ReadFile("demo.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("{$THERIAC_DEMO_ADMIN:127.0.0.1:2019}", "{$ADMIN}", "{$THERIAC_DEMO_PORT:8080}", "{$PORT}").Replace(string(demo))
	e := edge.Start(t, config, "THERIAC_DEMO_LOEWEN="+loewen, "THERIAC_DEMO_SONNEN="+sonnen)
	kit.Eventually(t, 20*time.Second, "the edge watches its shops, from the second after its start on", func() bool {
		var watch shieldctl.WatchReport
		e.Get(t, "/shield/watch", &watch)
		return len(watch.Edges) > 0
	})
	m := &machine{path: t.TempDir(), documented: []string{":8080"}, here: []string{e.Addr[strings.LastIndexByte(e.Addr, ':'):]}}
	m.program(t, "theriac", fmt.Sprintf("if [ \"$1\" = shield ]; then set -- \"$@\" --address %s; fi\nexec %s \"$@\"", e.Admin, need.Command(t, "theriac")))
	return m
}

// program puts a program into the machine's path.
func (m *machine) program(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.path, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// A page that is wrong is found: in a line, in a line too many, in one too few,
// and in a command that fails.
func TestSessionsCanFail(t *testing.T) {
	need.Loopback(t)
	m := demoHost(t)
	good := "```console\n$ theriac shield level loewen 1\nloewen is at level 1 raised until 2026-11-30 19:32:01\n$ theriac shield shops\n" +
		"SHOP NAME LEVEL REQUESTS REFUSED FAILED\nloewen Löwen Apotheke 1 raised by people until 19:32:01 0 0 0\nsonnen Sonnen Apotheke 0 calm 0 0 0\n```\n"
	play := func(text string) []string {
		blocks := blocksOf("page.md", text)
		if len(blocks) != 1 {
			t.Fatalf("%d blocks, want 1", len(blocks))
		}
		return m.run(blocks[0])
	}
	for _, complaint := range play(good) {
		t.Error(complaint)
	}
	for name, bad := range map[string]string{
		"a word":         strings.Replace(good, "1 raised by", "2 attack by", 1),
		"a number":       strings.Replace(good, "32:01 0 0 0", "32:01 0 0 1", 1),
		"a line more":    strings.Replace(good, "sonnen Sonnen", "eulen Eulen Apotheke 0 calm 0 0 0\nsonnen Sonnen", 1),
		"a line less":    strings.Replace(good, "sonnen Sonnen Apotheke 0 calm 0 0 0\n", "", 1),
		"an option":      strings.Replace(good, "shield shops", "shield shops --shop loewen", 1),
		"a command":      strings.Replace(good, "shield shops", "shield houses", 1),
		"another status": "```console\n$ curl -s -o /dev/null -w '%{http_code}\\n' http://loewen.localhost:8080/\n429\n```\n",
	} {
		t.Run(name, func(t *testing.T) {
			if len(play(bad)) == 0 {
				t.Errorf("nothing is wrong with\n%s", bad)
			}
		})
	}
}

func TestForms(t *testing.T) {
	for _, lines := range [][2]string{
		{"     66 200", "     70 200"},
		{"reference  ntqr-8dzd", "reference  efr3-yz60"},
		{"127.0.0.9 all manual 22:42:01 2026-11-26 23:42:01 -", "127.0.0.9   all   manual 07:01:59 2027-01-01 00:00:00 -"},
		{"loewen  Löwen Apotheke   0 calm  100       34       0", "loewen  Löwen Apotheke   0 calm  100       9       0"},
	} {
		if !same(lines[0], lines[1]) {
			t.Errorf("%q and %q differ in %q and %q", lines[0], lines[1], form(lines[0]), form(lines[1]))
		}
	}
	for _, lines := range [][2]string{
		{"     66 200", "     66 429"},
		{"200", "429"},
		{"sonnen  Sonnen Apotheke  0 calm    0         0        0", "sonnen  Sonnen Apotheke  0 calm    7         0        0"},
		{"sonnen  limit  client   60 of 60 left; limit 20/s", "sonnen  limit  client   60 of 60 left; limit 30/s"},
		{"203.0.113.0/24 is banned at all shops until 2026-11-26 23:12:01", "203.0.113.0/24 is banned at this shop until 2026-11-26 23:12:01"},
	} {
		if same(lines[0], lines[1]) {
			t.Errorf("%q and %q are the same", lines[0], lines[1])
		}
	}
}
