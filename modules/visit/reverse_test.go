package visit

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/test/need"
)

// world has one crawler and many impostors.
var world = []string{
	"1.2.0.192.in-addr.arpa. PTR crawl-1.Crawler.example.", "crawl-1.crawler.example. A 192.0.2.1",
	"2.2.0.192.in-addr.arpa. PTR crawl-1.crawler.example.", // a stranger's address with that name
	"3.2.0.192.in-addr.arpa. PTR crawler.example.", "crawler.example. A 192.0.2.3",
	"4.2.0.192.in-addr.arpa. PTR evilcrawler.example.", "evilcrawler.example. A 192.0.2.4",
	"5.2.0.192.in-addr.arpa. PTR x.crawler.example.evil.example.", "x.crawler.example.evil.example. A 192.0.2.5",
	"6.2.0.192.in-addr.arpa. PTR gone.crawler.example.",
	"7.2.0.192.in-addr.arpa. servfail",
	"8.2.0.192.in-addr.arpa. PTR slow.crawler.example.", "slow.crawler.example. servfail",
	"9.2.0.192.in-addr.arpa. PTR other.example.", "9.2.0.192.in-addr.arpa. PTR two.crawler.example.", "two.crawler.example. A 192.0.2.99", "two.crawler.example. A 192.0.2.9",
	"11.2.0.192.in-addr.arpa. silence",
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.crawler.example.", "six.crawler.example. AAAA 2001:db8::1",
	"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.crawler.example.",
}

// await asks until there is an answer, as requests do.
func await(t testing.TB, v *reverse, q question) answer {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		v.verified(q, time.Now())
		if a := v.known(q); !a.again.IsZero() {
			return a
		}
	}
	t.Fatalf("no answer for %s", q.addr)
	return answer{}
}

func TestReverseDNSIsConfirmed(t *testing.T) {
	v := newReverse(need.DNS(t, world...).Addr)
	defer func() { _ = v.Destruct() }()
	domains := unique.Make("crawler.example bots.example")
	for _, c := range []struct{ addr, says, want string }{
		{"192.0.2.1", "the crawler", "verified"},
		{"2001:db8::1", "the crawler by IPv6", "verified"},
		{"192.0.2.9", "the second name of the address, the second address of the name", "verified"},
		{"192.0.2.2", "a stranger whose address is called like the crawler's", "refuted"},
		{"2001:db8::2", "the same by IPv6", "refuted"},
		{"192.0.2.3", "the domain itself", "refuted"},
		{"192.0.2.4", "a domain that ends alike", "refuted"},
		{"192.0.2.5", "a domain that begins alike", "refuted"},
		{"192.0.2.6", "a name that does not exist", "refuted"},
		{"192.0.2.10", "an address without a name", "refuted"},
		{"192.0.2.7", "a server that fails", "failed"},
		{"192.0.2.8", "a domain whose server fails", "failed"},
		{"192.0.2.11", "a server that says nothing for two seconds", "failed"},
	} {
		q := question{netip.MustParseAddr(c.addr), domains}
		now := time.Now()
		a := await(t, v, q)
		got := "failed"
		if a.refuted {
			got = "refuted"
		} else if now.Before(a.verified) {
			got = "verified"
		}
		if got != c.want {
			t.Errorf("%s (%s): %s, want %s", c.addr, c.says, got, c.want)
		}
		if v.verified(q, time.Now()) != (c.want == "verified") {
			t.Errorf("%s (%s): a %s address passes is %v", c.addr, c.says, c.want, c.want != "verified")
		}
		holds := map[string]time.Duration{"verified": verifiedFor, "refuted": refutedFor, "failed": failedFor}[c.want]
		if left := a.again.Sub(now); left < holds || left > holds+lookupTime+10*time.Second {
			t.Errorf("%s (%s): asked again in %s, want about %s", c.addr, c.says, left, holds)
		}
	}
}

// TestForgedNameAlone is the control: what reverse DNS alone says of the
// stranger's address is what it says of the crawler's.
func TestForgedNameAlone(t *testing.T) {
	v := newReverse(need.DNS(t, world...).Addr)
	defer func() { _ = v.Destruct() }()
	for _, addr := range []string{"192.0.2.1", "192.0.2.2"} {
		names, err := v.resolver.LookupAddr(t.Context(), addr)
		if err != nil || !inDomains(names[0], []string{"crawler.example"}) {
			t.Errorf("%s has the names %q (%v), want one of the crawler's", addr, names, err)
		}
	}
}

// An outage of the DNS takes nothing from a crawler that is known.
func TestVerifiedCrawlerOutlivesAnOutage(t *testing.T) {
	v := newReverse("127.0.0.1:1")
	defer func() { _ = v.Destruct() }()
	q := question{netip.MustParseAddr("192.0.2.1"), unique.Make("crawler.example")}
	start := time.Now()
	v.store(q, true, nil, start)
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {verifiedFor - time.Second, true}, {verifiedFor + staleFor - time.Second, true}, {verifiedFor + staleFor, false}} {
		if got := start.Add(step.after).Before(v.known(q).verified); got != step.want {
			t.Errorf("%s later: believed is %v, want %v", step.after, got, step.want)
		}
		v.store(q, false, net.ErrClosed, start.Add(step.after))
	}
	v.store(q, false, nil, start)
	if a := v.known(q); !a.refuted || start.Before(a.verified) {
		t.Errorf("after it was refuted: %+v", a)
	}
}

// Only a request that claims to be the crawler causes a look-up, and none
// waits for it.
func TestOnlyClaimsAreLookedUp(t *testing.T) {
	resolver := need.DNS(t, world...)
	p := provisioned(t, &Partner{Name: "bot", ReverseDNS: []string{"Crawler.Example"}, Resolver: resolver.Addr, Agent: []string{"CrawlerBot"}, Burst: 1})
	h := &Handler{Partners: []*Partner{p}}
	addr := netip.MustParseAddr("192.0.2.1")
	client := shield.Client{Addr: addr, Now: time.Now()}
	says := func() string { return h.explain(client)[0].Says }
	request := func(agent string) *http.Request { return &http.Request{Header: http.Header{"User-Agent": {agent}}} }

	if h.partnerOf(request("Mozilla/5.0"), addr) != nil || h.partnerOf(&http.Request{}, addr) != nil {
		t.Error("a browser is a crawler")
	}
	if got, want := says(), "reverse DNS not looked up yet"; !strings.HasPrefix(got, want) {
		t.Errorf("explained as %q, want %q", got, want)
	}
	bot := request("Mozilla/5.0 (compatible; crawlerbot/2.1)")
	if h.partnerOf(bot, addr) != nil {
		t.Error("a crawler is known before it is looked up")
	}
	await(t, p.crawler.reverse, question{addr, p.crawler.domains})
	if h.partnerOf(bot, addr) != &p.partner {
		t.Error("a verified crawler is not known")
	}
	if h.partnerOf(request("Mozilla/5.0"), addr) != nil {
		t.Error("a browser at the crawler's address is a crawler")
	}
	if got, want := says(), "reverse DNS verified; budget"; !strings.HasPrefix(got, want) {
		t.Errorf("explained as %q, want %q", got, want)
	}
	before := resolver.Asked.Load()
	for range 1000 {
		h.partnerOf(bot, addr)
	}
	if got := resolver.Asked.Load(); got != before {
		t.Errorf("1000 requests more asked %d questions", got-before)
	}
	client.Addr = netip.MustParseAddr("192.0.2.2")
	h.partnerOf(bot, client.Addr)
	await(t, p.crawler.reverse, question{client.Addr, p.crawler.domains})
	if got, want := says(), "reverse DNS refuted"; !strings.HasPrefix(got, want) {
		t.Errorf("explained as %q, want %q", got, want)
	}
	if h.partnerOf(bot, netip.Addr{}) != nil {
		t.Error("a client without an address is a crawler")
	}
}

// A flood of claims is dropped, not queued: one look-up per subnet, and
// no more than the queue holds.
func TestQuestionsAreBounded(t *testing.T) {
	v := &reverse{questions: make(chan question, maxQuestions), asked: make(map[netip.Prefix]struct{})}
	domains := unique.Make("crawler.example")
	for i := range 256 {
		v.enqueue(question{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), domains})
		v.enqueue(question{netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, byte(i)}), domains})
	}
	if got := len(v.questions); got != 2 {
		t.Errorf("two neighbourhoods have %d questions, want 2", got)
	}
	dropped := counted(t, lookupDropped)
	for i := range 1000 {
		v.enqueue(question{netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), domains})
	}
	if len(v.questions) != maxQuestions || len(v.asked) != maxQuestions {
		t.Errorf("%d questions of %d neighbourhoods, want %d", len(v.questions), len(v.asked), maxQuestions)
	}
	if got, want := counted(t, lookupDropped)-dropped, 1000-(maxQuestions-2); int(got) != want {
		t.Errorf("%v were dropped, want %d", got, want)
	}
}
