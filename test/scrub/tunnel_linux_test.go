package scrub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrub/lab"
)

const centrePolicy = `
interfaces: [edge]
egress: [internet]
local: [10.0.4.2]
peers: [10.0.4.1]
protect: [198.51.100.0/24, "2001:db8:114::/64"]
`

// endTunnels has an agent end the tunnels of the yard's data centre.
func (y *yard) endTunnels(t *testing.T, policy string) *agent.Agent {
	t.Helper()
	dir, err := y.BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	pins := filepath.Join(dir, "agent")
	a, err := agent.Load(pins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { takeOff(t, a, pins) })
	c := y.applyAgent(t, a, policy)
	if err := y.Centre.Do(func() error {
		_, _, err := a.Attach(c)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return a
}

func (y *yard) applyAgent(t *testing.T, a *agent.Agent, policy string) *agent.Config {
	t.Helper()
	c, err := agent.Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// agentTallies are the agent's counts by reason.
func agentTallies(t *testing.T, a *agent.Agent) map[string]uint64 {
	t.Helper()
	all, err := a.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	byReason := make(map[string]uint64)
	for _, tally := range all {
		byReason[tally.Reason.String()] = tally.Packets
	}
	return byReason
}

// A depot takes and gives large files at the data centre.
type depot struct {
	*http.Client
	file []byte
}

const fileSize = 8 << 20

func (y *yard) openDepot(t *testing.T) *depot {
	t.Helper()
	file := make([]byte, fileSize)
	_, _ = rand.NewChaCha8([32]byte{5}).Read(file) // never fails
	for _, addr := range []netip.Addr{lab.Centre4, lab.Centre6} {
		l, err := y.Centre.Listen("tcp", netip.AddrPortFrom(addr, 80).String())
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sum := sha256.New()
			if _, err := io.Copy(sum, r.Body); err != nil {
				return
			}
			client, _, _ := net.SplitHostPort(r.RemoteAddr)
			w.Header().Set("Client", client)
			w.Header().Set("Sum", fmt.Sprintf("%x", sum.Sum(nil)))
			if r.Method == http.MethodGet {
				_, _ = w.Write(file) // the client may be gone
			}
		}))
		server.Listener.Close()
		server.Listener = l
		server.Start()
		t.Cleanup(server.Close)
	}
	return &depot{file: file, Client: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return y.Client.Dial(ctx, netip.AddrPort{}, network, address)
		},
	}}}
}

// move puts the file to the depot or gets it from there, within this time, and
// returns the client that the depot saw. It fails unless the file arrives as it is.
func (d *depot) move(ctx context.Context, method string, depot netip.Addr, within time.Duration) (client string, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var body io.Reader
	if method == http.MethodPut {
		body = bytes.NewReader(d.file)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+netip.AddrPortFrom(depot, 80).String()+"/", body)
	if err != nil {
		return "", err
	}
	response, err := d.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, response.Body)
	if err != nil {
		return "", err
	}
	want, got := fmt.Sprintf("%x", sha256.Sum256(d.file)), response.Header.Get("Sum")
	if method == http.MethodGet {
		got = fmt.Sprintf("%x", sum.Sum(nil))
	}
	if got != want {
		return "", fmt.Errorf("%d bytes of hash %s came back, want hash %s", n, got, want)
	}
	return response.Header.Get("Client"), nil
}

// What a customer sends to the data centre is longer in the tunnel. It gets
// there at once if the data centre asks for segments that fit, later if the
// customer has to be told, and not at all if he is not. Answers go around the
// edge, so that what they carry arrives either way.
func TestTunnelTakesWhatIsAskedFor(t *testing.T) {
	const patient, quick = 3 * time.Second, 2 * time.Second
	for name, c := range map[string]struct{ clamp, told, offload, arrives bool }{
		"clamped":                           {clamp: true, arrives: true},
		"told what fits":                    {told: true, arrives: true},
		"neither":                           {arrives: false},
		"clamped before checksums are made": {clamp: true, offload: true, arrives: true},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			d := y.openDepot(t)
			s := y.protect(t, routedPolicy)
			policy := centrePolicy
			if !c.clamp {
				policy += "no_clamp: true\n"
			}
			a := y.endTunnels(t, policy)
			y.knowTheWay(t)
			if !c.told {
				y.loseNews(t)
			}
			if c.offload {
				if err := y.Centre.OffloadChecksums(lab.ToInternet); err != nil {
					t.Fatal(err)
				}
			}
			before := y.answered(t)
			for _, addr := range []netip.Addr{lab.Centre4, lab.Centre6} {
				want := lab.Customer4
				if addr.Is6() {
					want = lab.Customer6
				}
				began := time.Now()
				client, err := d.move(t.Context(), http.MethodGet, addr, quick)
				if err != nil || client != want.String() {
					t.Errorf("down from %s, as %s: %v", addr, client, err)
				}
				down, began := time.Since(began), time.Now()
				client, err = d.move(t.Context(), http.MethodPut, addr, patient)
				up := time.Since(began)
				if c.arrives && (err != nil || client != want.String() || up > quick) {
					t.Errorf("up to %s, as %s, within %s: %v", addr, client, up, err)
				}
				if !c.arrives && (err == nil || up < patient) {
					t.Errorf("up to %s does not stall: %s, %v", addr, up, err)
				}
				t.Logf("%s: %s down, %s up", addr, down, up)
			}
			edge, centre := tallies(t, s), agentTallies(t, a)
			if tooBig := edge["too_big"] > 0; tooBig == c.clamp {
				t.Errorf("%d packets did not fit; counted are %v", edge["too_big"], edge)
			}
			if clamped := centre["clamped"] > 0; clamped != c.clamp {
				t.Errorf("%d answers were clamped; counted are %v", centre["clamped"], centre)
			}
			if n := centre["decapsulated"]; n != edge["forwarded"] || n == 0 {
				t.Errorf("%d packets came out of the tunnel, %d went in", n, edge["forwarded"])
			}
			// Some 12,000 packets have gone down.
			if n := y.answered(t).Since(before).Customers; n > 100 {
				t.Errorf("%d answers went by the edge", n)
			}
			t.Logf("edge %v, centre %v", edge, centre)
		})
	}
}

// answered is what the edge has sent to the internet.
func (y *yard) answered(t *testing.T) lab.Seen {
	t.Helper()
	_, answered := y.seen(t)
	return answered
}

// knowTheWay has the edge's stack know its neighbour, without which the tunnel
// leads nowhere.
func (y *yard) knowTheWay(t *testing.T) {
	t.Helper()
	if conn, err := y.Edge.Dial(t.Context(), netip.AddrPort{}, "tcp", "10.0.4.2:1"); err == nil {
		conn.Close()
		t.Fatal("the data centre listens at port 1")
	}
}

// loseNews has the internet lose all ICMP from the edge, as some networks do.
func (y *yard) loseNews(t *testing.T) {
	t.Helper()
	for _, rule := range []string{
		"-4 rule add pref 100 iif edge ipproto icmp blackhole",
		"-6 rule add pref 100 iif edge ipproto ipv6-icmp blackhole",
	} {
		if out, err := y.Internet.Command(t.Context(), "ip", strings.Fields(rule)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", rule, err, out)
		}
	}
}
