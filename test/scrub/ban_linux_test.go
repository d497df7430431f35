package scrub

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// banPolicy has room for every client that behaves.
const banPolicy = `
interfaces: [internet]
policies:
  - name: shop
    protect: [203.0.113.10, "2001:db8:113::10"]
    tcp: [80]
`

// How fast a bot asks, and how long it is banned for ignoring refusals.
const (
	botRate    = 1500 // a second, each over a connection of its own
	botPenalty = 3 * time.Second
)

// banEdge starts an edge that bans, or not, and tells the scrubber below.
func (y *yard) banEdge(t *testing.T, bans string, d *daemon) *edge.Edge {
	t.Helper()
	return edge.StartIn(t, y.Edge, lab.Shop4.String()+":80", fmt.Sprintf(`{
	admin {$ADMIN}
	auto_https off
	persist_config off
	metrics
	servers {
		protocols h1
	}
	shield {
		watch shadow
		secret %s
		bans %s
		scrubd unix/%s
	}
}
:{$PORT} {
	shield loewen {
		waf off
		limit client {
			key client
			rate 20/s
			burst 60
			penalty 200 %s
		}
	}
	shop_backend 127.0.0.1:9000
}`, kit.Secret, bans, d.socket, botPenalty))
}

// from is a client at an address of the lab. It leaves no connection behind that
// goes on to send.
func (y *yard) from(addr netip.Addr, patience time.Duration) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, patience) // net/http goes on dialling when nobody waits any more
			defer cancel()
			conn, err := y.Client.Dial(ctx, netip.AddrPortFrom(addr, 0), network, address)
			if err == nil {
				err = conn.(*net.TCPConn).SetLinger(0)
			}
			return conn, err
		},
	}}
}

// A bot asks for pages and minds no refusal.
type bot struct {
	asked, refused atomic.Int64
	stop           context.CancelFunc
}

// unleash has a bot ask until it is stopped, whatever became of what it asked
// before.
func (y *yard) unleash(t *testing.T, from netip.Addr, url string) *bot {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	b := &bot{stop: stop}
	client := y.from(from, 300*time.Millisecond)
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for range botRate / 100 {
				go b.ask(ctx, client, url)
			}
		}
	}()
	t.Cleanup(stop)
	return b
}

func (b *bot) ask(ctx context.Context, client *http.Client, url string) {
	b.asked.Add(1)
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	response, err := client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode == http.StatusTooManyRequests {
		b.refused.Add(1)
	}
}

// cpu is how long the threads of a process have run.
func cpu(t testing.TB, pid int) (total time.Duration) {
	t.Helper()
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var ran time.Duration
		if _, err := fmt.Sscan(string(raw), &ran); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		total += ran
	}
	return total
}

// burden is the share of one processor that the edge takes for two seconds.
func burden(t testing.TB, e *edge.Edge) float64 {
	t.Helper()
	before, began := cpu(t, e.PID), time.Now()
	time.Sleep(2 * time.Second)
	return (cpu(t, e.PID) - before).Seconds() / time.Since(began).Seconds()
}

// A client that ignores refusals is dropped in the kernel within a second, costs the edge
// next to nothing from then on, hurts nobody else, and is let in when the ban
// has ended.
func TestIgnoringRefusalsIsDroppedInTheKernel(t *testing.T) {
	y := newYard(t)
	y.sell(t)
	d := y.guard(t, banPolicy)

	off := y.banEdge(t, "off", d)
	b := y.unleash(t, lab.Bot4, off.URL)
	time.Sleep(time.Second)
	without := burden(t, off)
	b.stop()
	if n := d.packets("shop", "denied"); n > 0 {
		t.Fatalf("%d packets are denied without bans", n)
	}
	off.Kill()

	e := y.banEdge(t, "on", d)
	for _, c := range []struct {
		bot, customer netip.Addr
		url           string
	}{
		{lab.Bot4, lab.Customer4, "http://" + lab.Shop4.String()},
		{lab.Bot6, lab.Customer6, "http://[" + lab.Shop6.String() + "]"},
	} {
		denied, began := d.packets("shop", "denied"), time.Now()
		b = y.unleash(t, c.bot, c.url)
		kit.Eventually(t, 5*time.Second, "the bot has ignored enough refusals", func() bool { return len(kit.BansOf(t, e).Bans) > 0 })
		banned := time.Now()
		kit.Eventually(t, 5*time.Second, "the bot's SYNs are denied", func() bool { return d.packets("shop", "denied") > denied })
		late := time.Since(banned)
		t.Logf("%s: banned %v after its first request, denied in the kernel %v later", c.bot, banned.Sub(began), late)
		if late > time.Second {
			t.Errorf("%s: denied in the kernel after %v, want a second at most", c.bot, late)
		}
		time.Sleep(300 * time.Millisecond) // what had come before is answered
		with := burden(t, e)
		t.Logf("%s: the edge takes %.4f of a processor without bans, %.4f with them: %.0f times less", c.bot, without, with, without/with)
		if with*20 > without {
			t.Errorf("the edge takes %.4f of a processor under the flood, want a twentieth of %.4f", with, without)
		}
		if got := kit.Get(t, y.from(c.customer, time.Second), c.url); got.Status != http.StatusOK {
			t.Errorf("a customer got status %d", got.Status)
		}
		b.stop()
		kit.Eventually(t, 30*time.Second, "the bot is let in when its ban has ended", func() bool {
			response, err := y.from(c.bot, 300*time.Millisecond).Get(c.url)
			if err != nil {
				return false
			}
			response.Body.Close()
			return response.StatusCode == http.StatusOK
		})
	}
}

// A subnet from which a customer came is refused, but never banned.
func TestNoSubnetOfCustomersIsDropped(t *testing.T) {
	y := newYard(t)
	y.sell(t)
	d := y.guard(t, banPolicy)
	e := y.banEdge(t, "on", d)
	kit.SetLevel(t, e, "loewen", shop.Attack)
	customer := &kit.Visitor{T: t, Client: y.from(lab.Bot4.Next(), 3*time.Second), Edge: e, Agent: kit.UserAgent}
	customer.Earn("/")
	if status, _, _ := customer.Get("/"); status != http.StatusOK {
		t.Fatalf("a customer with a pass got status %d", status)
	}
	b := y.unleash(t, lab.Bot4, e.URL)
	kit.Eventually(t, 10*time.Second, "the bot is refused", func() bool { return b.refused.Load() > 1000 })
	if n := d.packets("shop", "denied"); n > 0 || len(kit.BansOf(t, e).Bans) > 0 {
		t.Errorf("%d packets of the customer's subnet are denied, bans are %v", n, kit.BansOf(t, e).Bans)
	}
	if status, _, _ := customer.Get("/"); status != http.StatusOK {
		t.Errorf("the customer got status %d while a neighbour floods", status)
	}
}
