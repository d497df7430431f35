package process

import (
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestSecondEdgeIsNoticed: the kernel lets two edges listen at one address, and each gets a
// part of the connections. The one that comes second says so; an edge alone does not.
func TestSecondEdgeIsNoticed(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := "shield loewen\nshop_backend " + kit.NewBackend(t).Addr
	const says = "another process listens at the same addresses"
	first := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, shop))
	second := edge.Start(t, kit.Global("")+kit.Site(":"+kit.PortOf(first.Addr), shop)+kit.Site(kit.AnyHost, "respond ok"))
	kit.Eventually(t, 10*time.Second, "the second edge notices the first", func() bool { return strings.Contains(second.Log(), says) })
	if !strings.Contains(second.Log(), first.Addr) {
		t.Errorf("it does not say where: %s", first.Addr)
	}
	if strings.Contains(first.Log(), says) {
		t.Error("an edge alone says that another one is there")
	}
}

// TestUnusedSocketIsNoticed: clients of a socket on which no server listens would wait
// without end.
func TestUnusedSocketIsNoticed(t *testing.T) {
	t.Parallel()
	used, unused := need.Addr(t), need.Addr(t)
	const says = "no server listens"
	gate := "\tservers {\n" + kit.Gate("listener_wrappers", "allow 127.0.0.0/8\n", "tls\n") + "\t}\n\tshield {"
	caddyfile := strings.Replace(kit.Global(""), "\tshield {", gate, 1) + kit.Site(":"+kit.PortOf(used), "shield loewen\nrespond ok")
	both := append(socketsAt(t, used)[:1], socketsAt(t, unused)[:1]...)
	e := edge.StartPassed(t, used, both, caddyfile)
	kit.Eventually(t, 10*time.Second, "the edge notices the unused socket", func() bool { return strings.Contains(e.Log(), says) })
	if log := e.Log(); !strings.Contains(log[strings.Index(log, says):], unused) || strings.Count(log, says) != 1 {
		t.Errorf("the log does not name %s, once", unused)
	}
	if reply := kit.Get(t, edge.From("127.0.0.1"), e.URL+"/"); reply.Body != "ok" {
		t.Errorf("the used socket answers %q, want ok", reply.Body)
	}
}
