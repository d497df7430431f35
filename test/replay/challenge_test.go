package replay

import (
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestMonitorsAndPreviews: a User-Agent is no proof; an address is. Both clients of a case say
// the same, and only one is a partner.
func TestMonitorsAndPreviews(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	known := newClient()
	e := shielded(t, s, "partner monitors {\n\tfrom "+known+"\n}")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	for _, c := range []struct{ id, method, header string }{
		{"E08", "HEAD", browses},
		{"E09a", "GET", "User-Agent: facebookexternalhit/1.1\r\nAccept: */*\r\nRange: bytes=0-524287\r\n"},
		{"E09b", "GET", "User-Agent: WhatsApp/2.23.20.0\r\nAccept: image/*, text/html\r\n"},
		{"E09c", "GET", "User-Agent: Slackbot-LinkExpanding 1.0\r\nAccept: */*\r\n"},
		{"E09d", "HEAD", "User-Agent: Mozilla/5.0+(compatible; UptimeRobot/2.0)\r\nAccept: */*\r\n"},
		{"E09e", "GET", "User-Agent: Pingdom.com_bot_version_1.4\r\nAccept: */*\r\n"},
		{"E09f", "GET", "User-Agent: kube-probe/1.30\r\nAccept: */*\r\n"},
		{"E09g", "GET", "User-Agent: AdsBot-Google (+http://www.google.com/adsbot.html)\r\nAccept: text/html\r\n"},
	} {
		t.Run(c.id, func(t *testing.T) {
			if got := ask(t, e, known, c.method, "/product/1", c.header); got.status != http.StatusOK {
				t.Errorf("a partner: status %d", got.status)
			}
			got := ask(t, e, newClient(), c.method, "/product/1", c.header)
			if !got.isChallenge() || got.header.Get("Retry-After") == "" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("control: somebody else: status %d, header %v", got.status, got.header)
			}
		})
	}
}

// TestTheWayWithoutJavaScript leads to the address that was asked for, as a browser reads it.
// E11: a visitor that comes too early is told when to come again.
func TestTheWayWithoutJavaScript(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	kit.SetLevel(t, e, "loewen", shop.Raised)
	const suspicious = "Accept: text/html\r\n" // no User-Agent
	for id, target := range map[string]string{
		"E10a":           "/suche/K%C3%B6ln?x=%26y&z=%C3%A4",
		"E10b":           "/suche/K\xc3\xb6ln",
		"E10c":           "//product/1",
		"E10c evil":      "//evil.example/product/1",
		"E10d":           "/a%2Fb?u=http://x/%20%20X:y",
		"E10e":           "/p?" + strings.Repeat("a", 4000),
		"E10g":           "/search?q=\"tee\"&b='1'",
		"E10h":           `/x\evil.example`,
		"E10i fragments": "/p?a=%23b;c",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			client := newClient()
			first := ask(t, e, client, "GET", target, suspicious)
			found := kit.WaitIn.FindStringSubmatch(first.body)
			if found == nil || !first.isChallenge() {
				t.Fatalf("status %d: %.300s", first.status, first.body)
			}
			wait, next := seconds(t, found[1]), html.UnescapeString(found[2])
			early := ask(t, e, client, "GET", next, suspicious)
			again := kit.WaitIn.FindStringSubmatch(early.body)
			if again == nil || early.header.Get("Retry-After") != again[1] {
				t.Fatalf("E11, too early: status %d, Retry-After %s, the page says %q", early.status, early.header.Get("Retry-After"), again)
			}
			time.Sleep(wait)
			passed := ask(t, e, client, "GET", next, suspicious)
			cookie, _, _ := strings.Cut(passed.header.Get("Set-Cookie"), ";")
			last := ask(t, e, client, "GET", passed.header.Get("Location"), suspicious+"Cookie: "+cookie+"\r\n")
			to, err := url.Parse("http://shop.localhost" + target)
			if err != nil {
				t.Fatal(err)
			}
			got, err := to.Parse(last.header.Get("Location"))
			if err != nil || got.Host != "shop.localhost" || got.Path != to.Path || got.RawQuery != to.RawQuery {
				t.Errorf("leads to %q, %v", last.header.Get("Location"), err)
			}
			// A browser asks for what it has read.
			if asked := ask(t, e, client, "GET", got.RequestURI(), suspicious+"Cookie: "+cookie+"\r\n"); !asked.isShops() {
				t.Errorf("%s: status %d", got, asked.status)
			}
		})
	}
}

func seconds(t testing.TB, text string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}
