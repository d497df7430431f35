package bans

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestManualBans: an address, a subnet, one shop only, and back.
func TestManualBans(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site("loewen.localhost:{$PORT}", "shield loewen\nshop_backend "+backend.Addr)+
		kit.Site("sonnen.localhost:{$PORT}", "shield sonnen\nshop_backend "+backend.Addr))
	loewen, sonnen := "Host: loewen.localhost", "Host: sonnen.localhost"
	said, err := kit.Shield(t, e, "bans")
	if err != nil || !strings.Contains(said, "no client is banned") {
		t.Errorf("bans of nobody: %v: %s", err, said)
	}
	for _, c := range []struct {
		args    []string
		says    string
		refused map[string][]string // host to clients
		passed  map[string][]string
	}{
		{
			[]string{"ban", "127.20.0.1", "--for", "30m", "--why", "reads everything"},
			"127.20.0.1 is banned at all shops until",
			map[string][]string{loewen: {"127.20.0.1"}, sonnen: {"127.20.0.1"}},
			map[string][]string{loewen: {"127.20.0.2"}},
		},
		{
			[]string{"ban", "127.20.1.77/24"},
			"127.20.1.0/24 is banned",
			map[string][]string{loewen: {"127.20.1.1", "127.20.1.255"}},
			map[string][]string{loewen: {"127.20.2.1"}},
		},
		{
			[]string{"ban", "127.20.3.1", "--shop", "loewen"},
			"127.20.3.1 is banned at loewen",
			map[string][]string{loewen: {"127.20.3.1"}},
			map[string][]string{sonnen: {"127.20.3.1"}},
		},
	} {
		said, err := kit.Shield(t, e, c.args...)
		if err != nil || !strings.Contains(said, c.says) {
			t.Errorf("%v: %v, no %q in %s", c.args, err, c.says, said)
		}
		for host, clients := range c.refused {
			for _, client := range clients {
				if got := open(t, client, e.URL, host); !isBan(got) {
					t.Errorf("%v: %s, %s: status %d", c.args, client, host, got.Status)
				}
			}
		}
		for host, clients := range c.passed {
			for _, client := range clients {
				if got := open(t, client, e.URL, host); got.Status != 200 {
					t.Errorf("%v: %s, %s: status %d", c.args, client, host, got.Status)
				}
			}
		}
	}
	if said, err = kit.Shield(t, e, "bans"); err != nil || !holdsAll(said, "127.20.0.1", "127.20.1.0/24", "127.20.3.1", "manual", "reads everything", "loewen") {
		t.Errorf("bans: %v: %s", err, said)
	}
	if said = explained(t, e, "127.20.0.1"); !holdsAll(said, "is refused at all shops until", "manual", "reads everything") {
		t.Errorf("explain: %s", said)
	}
	if said, err = kit.Shield(t, e, "unban", "127.20.1.5"); err != nil || !strings.Contains(said, "127.20.1.0/24 around it is still banned") {
		t.Errorf("unban of one address in a banned subnet: %v: %s", err, said)
	}
	for _, client := range []string{"127.20.0.1", "127.20.1.0/24", "127.20.3.1"} {
		if said, err := kit.Shield(t, e, "unban", client); err != nil || !strings.Contains(said, "unbanned 127.") {
			t.Errorf("unban %s: %v: %s", client, err, said)
		}
		client, _, _ = strings.Cut(client, "/")
		if got := open(t, strings.Replace(client, ".1.0", ".1.1", 1), e.URL, loewen); got.Status != 200 {
			t.Errorf("%s after unban: status %d", client, got.Status)
		}
	}
	// An operator's own act is logged as it was said; nothing else names an address.
	acts := 0
	for line := range strings.Lines(e.Log()) {
		switch {
		case !strings.Contains(line, "127.20."):
		case strings.Contains(line, audit.Message):
			acts++
		default:
			t.Errorf("the log holds an address: %s", line)
		}
	}
	if acts < 6 {
		t.Errorf("%d acts are logged, want 3 bans and 3 or more lifts", acts)
	}
}

func holdsAll(text string, words ...string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// TestManualBansAreExplained: operators read what they cannot ban, and what a ban would do.
func TestManualBansAreExplained(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("secret "+kit.Secret+"\nnever_ban 127.21.9.0/28")+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+backend.Addr))
	open(t, "127.21.0.5", e.URL, stampOf(t, "loewen", time.Hour)) // a customer
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"ban", "127.21.0.0/16"}, "too wide"},
		{[]string{"ban", "2001:db8::/32"}, "too wide"},
		{[]string{"ban", "127.21.1.0/28"}, "neither one client nor a whole subnet"},
		{[]string{"ban", "somebody"}, "invalid address or prefix"},
		{[]string{"ban", "0.0.0.0"}, "unspecified or multicast"},
		{[]string{"ban", "127.21.9.3"}, "never banned"},
		{[]string{"ban", "127.21.2.1", "--for", "soon"}, "invalid duration"},
		{[]string{"ban", "127.21.2.1", "--for", "9000h"}, "invalid duration"},
		{[]string{"ban", "127.21.2.1", "--shop", "mond"}, "unknown shop"},
		{[]string{"ban", "127.21.2.1", "--why", strings.Repeat("x", 99)}, "one line"},
		{[]string{"ban", "127.21.0.1"}, "customers came from 127.21.0.0/24"},
		{[]string{"unban", "127.21.0.0/8"}, "too wide"},
	} {
		if said, err := kit.Shield(t, e, c.args...); err == nil || !strings.Contains(said, c.want) {
			t.Errorf("%v: %v, no %q in %s", c.args, err, c.want, said)
		}
	}
	if got := kit.BansOf(t, e); len(got.Bans) != 0 {
		t.Errorf("somebody is banned: %+v", got)
	}
	if said := explained(t, e, "127.21.0.1"); !strings.Contains(said, "customers came from 127.21.0.0/24") {
		t.Errorf("explain: %s", said)
	}
	if said, err := kit.Shield(t, e, "ban", "127.21.0.1", "--force"); err != nil || !isBan(open(t, "127.21.0.1", e.URL)) {
		t.Errorf("ban --force: %v: %s", err, said)
	}
	said, err := kit.Shield(t, e, "ban", "127.21.9.0/24")
	if err != nil || !strings.Contains(said, "addresses in it are never banned") {
		t.Errorf("ban around an allowed prefix: %v: %s", err, said)
	}
	for client, want := range map[string]bool{"127.21.9.3": false, "127.21.9.99": true} {
		if got := isBan(open(t, client, e.URL)); got != want {
			t.Errorf("%s is refused: %v, want %v", client, got, want)
		}
	}
	off := edge.Start(t, kit.Global("bans shadow")+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+backend.Addr))
	if said, err := kit.Shield(t, off, "ban", "127.21.0.1"); err == nil || !strings.Contains(said, "bans are shadow") {
		t.Errorf("ban in shadow: %v: %s", err, said)
	}
}

// TestUnbanClearsCounts at every edge: the client starts again. The control: when
// only the ban has ended, the penalty and the empty bucket go on.
func TestUnbanClearsCounts(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	edges := banTier(t, 2, need.Redis(t).Addr, "", kit.Site(kit.AnyHost, fmt.Sprintf(`shield loewen {
	limit client {
		rate 5/h
		burst 5
		penalty 5 1h
	}
	limit subnet off
}
shop_backend %s
`, backend.Addr)))
	for _, e := range edges {
		pester(t, edge.From("127.22.0.1"), e.URL)
		pester(t, edge.From("127.22.1.1"), e.URL)
	}
	for _, client := range []string{"127.22.0.1", "127.22.1.1"} {
		kit.Eventually(t, time.Second, "both refuse", func() bool { return isBan(open(t, client, edges[0].URL)) && isBan(open(t, client, edges[1].URL)) })
	}
	if said, err := kit.Shield(t, edges[1], "unban", "127.22.0.1"); err != nil || !strings.Contains(said, "unbanned 127.") {
		t.Fatalf("unban: %v: %s", err, said)
	}
	for i, e := range edges {
		kit.Eventually(t, time.Second, fmt.Sprintf("edge %d has forgotten what he did", i+1), func() bool {
			return open(t, "127.22.0.1", e.URL).Status == 200
		})
		if got := open(t, "127.22.1.1", e.URL); got.Status != 429 {
			t.Errorf("edge %d has forgotten somebody else, too: %d", i+1, got.Status)
		}
		if got := outcomeOf(t, e, ban.ByLimit, "banned"); i == 0 && got == 0 {
			t.Error("nobody was banned: this test proves nothing")
		}
	}
}
