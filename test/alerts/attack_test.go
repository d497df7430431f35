package alerts

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestAttackIsTold: a flood of which nobody has told the edge reaches the receivers as one alert
// of the shop, with nothing of a visitor in it. The control: one request a second is none.
func TestAttackIsTold(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	hook := newReceiver(t)
	_, shop := kit.OpenShop(t, demoshop.Loewen())
	e := edge.Start(t, kit.Global("node fra-1\nwatch on\n"+hooks("", hook))+
		kit.Site(kit.AnyHost, "shield loewen {\n\tname \"Löwen Apotheke\"\n\twaf off\n}\nshop_backend "+shop))
	flood := func(rate int, lasts time.Duration) {
		var from []netip.Addr
		for i := range 300 {
			from = append(from, netip.AddrFrom4([4]byte{127, 91, byte(i / 250), byte(1 + i%250)}))
		}
		clients := load.NewClients(netip.MustParseAddrPort(e.Addr), from, nil)
		defer clients.Close()
		var targets []vegeta.Target
		for i := range 9 {
			targets = append(targets, load.Get(clients, "loewen.localhost", fmt.Sprintf("/product/%d?q=SECRETWORD", 1+i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		go func() { // the flood ends with the first alert
			for ctx.Err() == nil {
				if _, took := hook.seen(); len(took) > 0 {
					cancel()
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
		load.Load{Clients: clients, Targets: targets, Rate: rate, Workers: 200}.Send(ctx, lasts, func(*vegeta.Result) {})
	}
	flood(1, 3*time.Second)
	if _, took := hook.seen(); len(took) > 0 {
		t.Fatalf("before the flood the receiver took %q", took)
	}
	flood(200, 40*time.Second)
	kit.Eventually(t, 20*time.Second, "an alert", func() bool { _, took := hook.seen(); return len(took) > 0 })
	_, took := hook.seen()
	isOpened := func(one string) bool { return strings.HasPrefix(one, "opened ") && strings.HasSuffix(one, "-loewen") }
	if !slices.ContainsFunc(took, isOpened) || hook.forged > 0 {
		t.Errorf("the receiver took %q; %d were not signed", took, hook.forged)
	}
	for _, body := range hook.bodies {
		for _, leak := range []string{"127.91.", "/product", "SECRETWORD"} {
			if strings.Contains(body, leak) {
				t.Errorf("the alert has %q: %s", leak, body)
			}
		}
		if !strings.Contains(body, `"name":"Löwen Apotheke"`) {
			t.Errorf("the alert does not name the shop: %s", body)
		}
	}
	if status := kit.Send(t, http.DefaultClient, http.MethodGet, "http://"+e.Admin+"/shield/alerts", "").Body; !strings.Contains(status, `"last":"delivered"`) {
		t.Errorf("the edge says %s", status)
	}
	t.Logf("the alert: %s", hook.bodies[0])
}
