package process

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// fewWorkers is a shop of four workers, each of which a slow form can hold.
func fewWorkers() demoshop.Config {
	c := demoshop.Loewen()
	c.Concurrency, c.Queue, c.Patience = 4, 8, time.Second
	return c
}

const slowForm = "POST /checkout HTTP/1.1\r\nHost: loewen.localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nname="

// shoppers buy one after the other, each from an address of its own, and say
// how many orders came through within the time.
func shoppers(t testing.TB, base string, n int) (orders int, slowest time.Duration) {
	t.Helper()
	for i := range n {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		client := edge.From(fmt.Sprintf("127.7.0.%d", 1+i))
		time.Sleep(20 * time.Millisecond)
		begin := time.Now()
		trip, err := demoshop.Customer{Base: base, Host: "loewen.localhost", Client: client, Reference: fmt.Sprint("slow-", i)}.Buy(ctx)
		cancel()
		client.CloseIdleConnections()
		if err != nil {
			t.Logf("shopper %d: %v", i, err)
			continue
		}
		if trip.Order != "" {
			orders++
		}
		slowest = max(slowest, time.Since(begin))
	}
	return orders, slowest
}

// TestSlowClientsStarveNobody: half headers and slow forms by the hundred.
func TestSlowClientsStarveNobody(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop, addr := kit.OpenShop(t, fewWorkers())
	e := edge.Start(t, strings.Replace(kit.Global(""), "\tshield {", `	servers {
		timeouts {
			read_header 3s
			read_body_idle 5s 1024
		}
	}
	shield {`, 1)+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+addr))
	headers := kit.Slowly(t, e.Addr, 500, "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nX-Slow: ", strings.Repeat("a", 5000))
	forms := kit.Slowly(t, e.Addr, 300, slowForm, strings.Repeat("a", 5000))
	time.Sleep(2 * time.Second) // the flood of forms used up the limit of orders for a while
	halves, slow := headers.Load(), forms.Load()
	orders, slowest := shoppers(t, e.URL, 20)
	truth := shop.Truth()
	t.Logf("%d half headers and %d slow forms: %d of 20 orders, the slowest took %s; the shop turned %d away and lost %d orders",
		halves, slow, orders, slowest, truth.Shed.Total, truth.Orders.Lost)
	if halves < 400 || slow < 100 {
		t.Errorf("only %d half headers and %d slow forms were open", halves, slow)
	}
	if orders != 20 || truth.Shed.Total != 0 || truth.Orders.Lost != 0 {
		t.Errorf("%d of 20 orders came through; the shop turned %d away and lost %d orders", orders, truth.Shed.Total, truth.Orders.Lost)
	}
	kit.Eventually(t, 20*time.Second, "the edge hangs up on all slow clients", func() bool {
		return headers.Load() == 0 && forms.Load() == 0
	})
}

// TestSlowFormsStarveAShopWithoutAnEdge is the control: the shop alone, and the
// shop behind a proxy that buffers nothing, are out of workers.
func TestSlowFormsStarveAShopWithoutAnEdge(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	for _, proxied := range []bool{false, true} {
		_, addr := kit.OpenShop(t, fewWorkers())
		at := addr
		if proxied {
			at = edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "reverse_proxy "+addr)).Addr
		}
		kit.Slowly(t, at, 20, slowForm, strings.Repeat("a", 5000))
		time.Sleep(500 * time.Millisecond)
		if orders, _ := shoppers(t, "http://"+at, 2); orders != 0 {
			t.Errorf("%d of 2 orders came through (behind a bare proxy: %t): the slow forms prove nothing", orders, proxied)
		}
	}
}
