package limits

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestCrawlersPassByProof: each verified crawler has a budget of its own, while
// the shop's limit refuses everybody else, pretenders included.
func TestCrawlersPassByProof(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	dir := t.TempDir()
	ranges, keys := filepath.Join(dir, "one.json"), filepath.Join(dir, "keys.json")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := `{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}`
	for file, content := range map[string]string{
		ranges: `{"creationTime": "2025-01-02T03:04:05.000000", "prefixes": [{"ipv4Prefix": "127.7.0.0/24"}]}`,
		keys:   `{"keys": [` + jwk + `]}`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	resolver := need.DNS(t, "1.0.8.127.in-addr.arpa. PTR crawl.two.example.", "crawl.two.example. A 127.8.0.1",
		"2.0.8.127.in-addr.arpa. PTR crawl.two.example.")
	shop := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, `shield loewen {
	limit total {
		key shop
		rate 1/h
	}
	partner one {
		ranges `+ranges+`
		rate 1/h
		burst 2
	}
	partner two {
		reverse_dns two.example
		resolver `+resolver.Addr+`
		agent TwoBot
		rate 1/h
		burst 3
	}
	partner three {
		signed_by `+keys+`
		rate 1/h
		burst 2
	}
}
header >X-Partner "{http.shield.partner}"
shop_backend `+shop.Addr))
	kit.Get(t, edge.From("127.6.0.1"), e.URL) // takes the shop's only token

	// The second crawler is looked up when it first comes, and known soon.
	const twoBot = "User-Agent: Mozilla/5.0 (compatible; TwoBot/1.0)"
	kit.Eventually(t, 10*time.Second, "the crawler's name is confirmed", func() bool {
		return kit.Get(t, edge.From("127.8.0.1"), e.URL, twoBot).Status == 200
	})
	kit.Get(t, edge.From("127.8.0.2"), e.URL, twoBot)
	kit.Eventually(t, 10*time.Second, "the forged name is refuted", func() bool {
		kit.Get(t, edge.From("127.8.0.2"), e.URL, twoBot)
		return strings.Contains(e.Metrics(t), `theriac_visit_reverse_dns_total{outcome="refuted"} 1`)
	})

	signed := func(host string) []string {
		sum := sha256.Sum256([]byte(jwk))
		params := fmt.Sprintf(`("@authority" "@path");created=%d;expires=%d;keyid="%s";alg="ed25519";tag="web-bot-auth"`,
			time.Now().Unix(), time.Now().Add(time.Minute).Unix(), base64.RawURLEncoding.EncodeToString(sum[:]))
		base := fmt.Sprintf("\"@authority\": %s\n\"@path\": /\n\"@signature-params\": %s", host, params)
		return []string{"Signature-Input: sig=" + params, "Signature: sig=:" + base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte(base))) + ":"}
	}
	for _, c := range []struct {
		what, from string
		header     []string
		want       int
		partner    string
	}{
		{"the first, by its range", "127.7.0.1", nil, 200, "one"},
		{"the first from another of its addresses", "127.7.0.2", nil, 200, "one"},
		{"the first beyond its budget", "127.7.0.1", nil, 429, "one"},
		{"an address beside the range", "127.7.1.1", nil, 429, ""},
		{"the second, by its name", "127.8.0.1", []string{twoBot}, 200, "two"},
		{"a browser at the second's address", "127.8.0.1", nil, 429, ""},
		{"a stranger whose address is called like the second", "127.8.0.2", []string{twoBot}, 429, ""},
		{"the second again", "127.8.0.1", []string{twoBot}, 200, "two"},
		{"the second beyond its budget", "127.8.0.1", []string{twoBot}, 429, "two"},
		{"the third, by its signature", "127.9.0.1", signed(e.Addr), 200, "three"},
		{"a signature for another shop", "127.9.0.1", signed("sonnen.example"), 429, ""},
		{"the third again", "127.9.0.2", signed(e.Addr), 200, "three"},
		{"the third beyond its budget", "127.9.0.2", signed(e.Addr), 429, "three"},
	} {
		got := kit.Get(t, edge.From(c.from), e.URL+"/", append(c.header, "Accept: */*")...)
		if got.Status != c.want {
			t.Errorf("%s: status %d, want %d", c.what, got.Status, c.want)
		}
		if partner := got.Header.Get("X-Partner"); got.Status == 200 && partner != c.partner {
			t.Errorf("%s: taken for partner %q, want %q", c.what, partner, c.partner)
		}
	}
	metrics := e.Metrics(t)
	for _, want := range []string{
		`theriac_visit_ranges_age_seconds{file="one.json"}`,
		`theriac_visit_reverse_dns_total{outcome="verified"} 1`,
		`theriac_visit_signatures_total{outcome="wrong"} 1`,
		`zone="partner-one"`, `zone="partner-two"`, `zone="partner-three"`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for client, want := range map[string]string{
		"127.7.0.9": "the address is in the published ranges; budget 1/h, burst 2",
		"127.8.0.1": "reverse DNS verified; budget 1/h, burst 3",
		"127.8.0.2": "reverse DNS refuted",
		"127.8.0.9": "reverse DNS not looked up yet: that happens when the User-Agent of a request has TwoBot",
	} {
		said, err := edge.Run(t, "shield", "explain", "--address", e.Admin, client)
		if err != nil || !strings.Contains(said, want) {
			t.Errorf("explaining %s: %v\n%s\nwant %q", client, err, said, want)
		}
	}
}

// TestMissingRangesKeepTheEdgeDown: an edge that cannot know the crawlers that
// it was told of says so, and what to try.
func TestMissingRangesKeepTheEdgeDown(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "Caddyfile")
	text := kit.Site(":80", "shield loewen {\n\tpartner bot {\n\t\tranges none.json\n\t}\n}\nrespond ok")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := edge.Run(t, "validate", "--config", config, "--adapter", "caddyfile")
	if err == nil || !strings.Contains(said, "partner bot: ranges: reading ") || !strings.Contains(said, "check that it exists and that this user may read it") {
		t.Errorf("the edge said (%v):\n%s", err, said)
	}
}
