package visit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/modules/shield"
)

func TestCrawlersProveWhoTheyAre(t *testing.T) {
	dir := t.TempDir()
	one, two, keys := filepath.Join(dir, "one.json"), filepath.Join(dir, "two.txt"), filepath.Join(dir, "keys.json")
	write(t, one, published, time.Now())
	write(t, two, "203.0.113.0/24\n", time.Now())
	directory, bot := newSigner(t)
	write(t, keys, directory, time.Now())
	for _, c := range []struct {
		says        string
		partner     Partner
		addr, agent string
		signed      bool
		want        bool
	}{
		{"an address of the ranges", Partner{Ranges: []string{one}}, "192.0.2.1", "", false, true},
		{"one of the second file", Partner{Ranges: []string{one, two}}, "203.0.113.1", "", false, true},
		{"one outside", Partner{Ranges: []string{one}}, "203.0.113.1", "", false, false},
		{"no address", Partner{Ranges: []string{one}}, "", "", false, false},
		{"the right agent", Partner{Ranges: []string{one}, Agent: []string{"OtherBot", "GoodBot"}}, "192.0.2.1", "Mozilla/5.0 (compatible; goodbot/2.1)", false, true},
		{"a word at the end", Partner{Ranges: []string{one}, Agent: []string{"goodbot"}}, "192.0.2.1", "I am GOODBOT", false, true},
		{"a browser", Partner{Ranges: []string{one}, Agent: []string{"GoodBot"}}, "192.0.2.1", "Mozilla/5.0 good bot", false, false},
		{"no agent", Partner{Ranges: []string{one}, Agent: []string{"GoodBot"}}, "192.0.2.1", "", false, false},
		{"an agent far behind", Partner{Ranges: []string{one}, Agent: []string{"GoodBot"}}, "192.0.2.1", strings.Repeat("x", maxAgent) + "GoodBot", false, false},
		{"the right agent elsewhere", Partner{Ranges: []string{one}, Agent: []string{"GoodBot"}}, "203.0.113.1", "GoodBot", false, false},
		{"a signature", Partner{SignedBy: keys}, "203.0.113.1", "", true, true},
		{"none", Partner{SignedBy: keys}, "203.0.113.1", "", false, false},
		{"a signature without an address", Partner{SignedBy: keys}, "", "", true, true},
		{"both where both are asked", Partner{SignedBy: keys, Ranges: []string{one}}, "192.0.2.1", "", true, true},
		{"one of both", Partner{SignedBy: keys, Ranges: []string{one}}, "203.0.113.1", "", true, false},
		{"the other", Partner{SignedBy: keys, Ranges: []string{one}}, "192.0.2.1", "", false, false},
	} {
		p := c.partner
		p.Burst = 1
		provisioned(t, &p)
		r := httptest.NewRequest(http.MethodGet, "http://loewen.example/", nil)
		if c.agent != "" {
			r.Header.Set("User-Agent", c.agent)
		}
		if c.signed {
			bot.sign(r, `("@authority")`, bot.params(time.Now(), time.Now().Add(time.Minute), ""), line)
		}
		p.crawler.agreed = time.Time.UTC
		addr, _ := netip.ParseAddr(c.addr)
		if got := p.proves(r, addr); got != c.want {
			t.Errorf("%s: proven is %v, want %v", c.says, got, c.want)
		}
	}
}

func TestCrawlersThatAnybodyCouldBe(t *testing.T) {
	bot := []string{"Bot"}
	for want, p := range map[string]Partner{
		"missing proof":                      {Agent: bot},
		"reverse_dns needs agent":            {ReverseDNS: []string{"crawler.example"}},
		`invalid agent "ya"`:                 {Ranges: []string{"x"}, Agent: []string{"Bot", "ya"}},
		`invalid domain "com"`:               {ReverseDNS: []string{"crawler.example", "com"}, Agent: bot},
		`invalid domain "co.uk"`:             {ReverseDNS: []string{"co.uk"}, Agent: bot},
		`invalid domain ".crawler.example"`:  {ReverseDNS: []string{".crawler.example"}, Agent: bot},
		`invalid domain "*.crawler.example"`: {ReverseDNS: []string{"*.crawler.example"}, Agent: bot},
		`invalid domain "bot.example com"`:   {ReverseDNS: []string{"bot.example com"}, Agent: bot},
		"resolver needs reverse_dns":         {Ranges: []string{"x"}, Resolver: "127.0.0.1:53"},
		`invalid resolver "127.0.0.1"`:       {ReverseDNS: []string{"crawler.example"}, Agent: bot, Resolver: "127.0.0.1"},
	} {
		p.Burst = 1
		if err := p.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What cannot be read stops the edge from starting, and leaves nothing open.
func TestCrawlersWhoseFilesAreMissing(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.json")
	write(t, good, published, time.Now())
	for want, p := range map[string]*Partner{
		"check that it exists and that this user may read it": {Ranges: []string{good, filepath.Join(dir, "none.json")}},
		"not a JWK set": {Ranges: []string{good}, SignedBy: twoLines(t)},
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		defer cancel()
		if err := p.provision(ctx, new(shield.App), "loewen"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err := (&Handler{Partners: []*Partner{p}}).Cleanup(); err != nil {
			t.Error(err)
		}
		if got := len(openFiles()); got != 0 {
			t.Errorf("%d files stay open", got)
		}
	}
}

func twoLines(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "lines.txt")
	write(t, path, "192.0.2.0/24\n", time.Now())
	return path
}

func TestExplainKnowsRanges(t *testing.T) {
	p := provisioned(t, &Partner{Name: "bot", Ranges: []string{twoLines(t)}})
	h := &Handler{Partners: []*Partner{p}}
	facts := h.explain(shield.Client{Addr: netip.MustParseAddr("192.0.2.1")})
	if len(facts) != 1 || facts[0].Rule != "partner bot" || facts[0].Says != "the address is in the published ranges; budget 20/s, burst 60" {
		t.Errorf("explained as %+v", facts)
	}
	if facts := h.explain(shield.Client{Addr: netip.MustParseAddr("203.0.113.1")}); len(facts) != 0 {
		t.Errorf("an address outside is explained as %+v", facts)
	}
}

func TestShopsReportShowsCrawlers(t *testing.T) {
	p := &Partner{Name: "bot", Ranges: []string{"a"}, ReverseDNS: []string{"b"}, Resolver: "c", SignedBy: "d", Agent: []string{"e"}, Rate: defaultRate, Burst: 60}
	shown, err := json.Marshal((&Handler{Partners: []*Partner{p}}).withoutSecrets().Partners[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"bot","ranges":["a"],"reverse_dns":["b"],"resolver":"c","signed_by":"d","agent":["e"],"rate":"20/s","burst":60}`
	if got := string(shown); got != want {
		t.Errorf("shown as %s, want %s", got, want)
	}
}

// threeCrawlers is a shop that knows one by each proof.
func threeCrawlers(t testing.TB) *Handler {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one.json"), published, time.Now())
	directory, _ := newSigner(t)
	write(t, filepath.Join(dir, "keys.json"), directory, time.Now())
	return &Handler{Partners: []*Partner{
		provisioned(t, &Partner{Name: "one", Ranges: []string{filepath.Join(dir, "one.json")}, Agent: []string{"OneBot"}}),
		provisioned(t, &Partner{Name: "two", ReverseDNS: []string{"two.example", "too.example"}, Resolver: "127.0.0.1:53", Agent: []string{"TwoBot", "TooBot"}}),
		provisioned(t, &Partner{Name: "three", SignedBy: filepath.Join(dir, "keys.json")}),
	}}
}

const browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

func TestVisitorsPayNothingForCrawlers(t *testing.T) {
	h := threeCrawlers(t)
	r := &http.Request{Header: http.Header{"User-Agent": {browser}}}
	addr := netip.MustParseAddr("203.0.113.7")
	if n := testing.AllocsPerRun(1000, func() { h.partnerOf(r, addr) }); n != 0 {
		t.Errorf("three crawlers cost a visitor %v allocations, want 0", n)
	}
}

// What three crawlers cost a visitor, and what an impostor pays.
func BenchmarkCrawlers(b *testing.B) {
	h := threeCrawlers(b)
	now := time.Now()
	_, stranger := newSigner(b)
	signers := h.Partners[2].crawler.signers
	var known string
	for known = range signers.content() {
		break
	}
	request := func(agent, keyid, more string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "http://loewen.example/", nil)
		r.Header.Set("User-Agent", agent)
		if keyid != "" {
			stranger.keyid = keyid
			stranger.sign(r, `("@authority")`, stranger.params(now, now.Add(time.Hour), more), line)
		}
		return r
	}
	for _, c := range []struct {
		name  string
		r     *http.Request
		limit rate.Limit
	}{
		{"visitor", request(browser, "", ""), failureRate},
		{"agent of a crawler", request("Mozilla/5.0 (compatible; TwoBot/2.1)", "", ""), failureRate},
		{"signature of an unknown key", request(browser, stranger.keyid, ""), failureRate},
		{"junk of a known key, capped", request(browser, known, ""), failureRate},
		{"junk of a known key", request(browser, known, ""), rate.Inf},
		{"long junk of a known key", request(browser, known, strings.Repeat(";x", (maxField-400)/2)), rate.Inf},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			addr := netip.MustParseAddr("203.0.113.7")
			signers.failures.SetLimit(c.limit)
			for b.Loop() {
				if h.partnerOf(c.r, addr) != nil {
					b.Fatal("taken for a crawler")
				}
			}
		})
	}
}
