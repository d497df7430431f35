package challenge

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// A shot is one request of an attacker.
type shot struct {
	method, target string
	header         []string // "Name: value"
	body           string
}

// An arsenal is what an attacker knows that has read our code: the words by which a request
// gets its class, and the addresses at which notifications are expected.
type arsenal struct {
	rng           *rand.Rand
	words         []string
	notifications []shot
}

// openArsenal reads the words and the addresses from where the product has them.
func openArsenal(t testing.TB, seed, attacker uint64) *arsenal {
	t.Helper()
	a := &arsenal{rng: rand.New(rand.NewPCG(seed, attacker))}
	for _, list := range listsIn.FindAllStringSubmatch(source(t, "class.go"), -1) {
		a.words = append(a.words, strings.Fields(list[1])...)
	}
	a.words = append(a.words, "callback", "ipn", "webhook", "notify", "notification", "webhooks")
	for line := range strings.Lines(source(t, "notifications.txt")) {
		if words := strings.Fields(line); len(words) > 1 && words[0] != "#" {
			target := examples.Replace(strings.TrimPrefix(words[len(strings.Fields(strings.Split(line, " # ")[0]))-1], "/"))
			a.notifications = append(a.notifications, shot{method: words[0], target: "/" + target})
		}
	}
	if len(a.words) < 40 || len(a.notifications) < 80 {
		t.Fatalf("%d words and %d addresses: the product has them elsewhere", len(a.words), len(a.notifications))
	}
	return a
}

var (
	listsIn  = regexp.MustCompile(`shop\.\w+:\s+"([^"]+)"`)
	examples = strings.NewReplacer("=*payment", "=extension/payment", "*", "mollie", "#", "4711")
)

func source(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../modules/visit/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (a *arsenal) oneOf(list ...string) string { return list[a.rng.IntN(len(list))] }

// spelled writes an address so that some server or other still finds the shop behind it.
func (a *arsenal) spelled(word string) string {
	if a.rng.IntN(4) == 0 {
		word = strings.ToUpper(word)
	}
	return fmt.Sprintf(a.oneOf("/%s", "/search/%s", "//%s", "/./%s", "/x/../%s", "/%s/", "/%s;a=1", "/tee;%s", "/%%2f%s", "/search%%2F%s",
		"/index.php/%s/", "/index.php/%s/?cl=search", "/de/%s", "/%s.php", "/static/..%%2f%s", "/static/%s/.css", "/%s%%00.css", "/%s%%20", "/.%s"), word)
}

func (a *arsenal) method() string {
	return a.oneOf("GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "CONNECT")
}

func (a *arsenal) ending() string {
	return a.oneOf("", "", ".css", ".JPG", ".Ico", ";.js", "/.css", ".map", ".svg", "%2ejs", ".php/x.png")
}

// headers are those by which a request may be taken for another one.
func (a *arsenal) headers() (lines []string) {
	for range a.rng.IntN(4) {
		lines = append(lines, a.oneOf(
			"Upgrade: websocket\nConnection: Upgrade", "Sec-Purpose: prefetch", "Purpose: prefetch", "X-Original-Url: /search?q=tee", "X-Rewrite-Url: /checkout",
			"X-Http-Method-Override: POST", "Origin: https://app.example\nAccess-Control-Request-Method: POST", "Origin: null",
			"Sec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nSec-Fetch-Site: none", "Sec-Fetch-Dest: manifest", "Sec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image",
			"Cookie: theriac="+strings.Repeat("A", 80), "Cookie: theriac-seen=AAAA; cart=1", "Cookie: x="+strings.Repeat("a{", 4<<10), "Range: bytes=0-0", "If-None-Match: *",
			"Accept: text/html", "Accept: image/avif,image/webp", "X-Requested-With: XMLHttpRequest", "X-Forwarded-For: 127.0.0.1", "Referer: /sw.js", "Expect: 100-continue",
			"User-Agent: ", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)"))
	}
	return strings.Split(strings.Join(lines, "\n"), "\n")
}

// dearForm takes the firewall the longest of all forms that it lets through.
var dearForm = func() string {
	const width = 32<<10/255 - 1
	var fields []string
	for i := range 255 {
		fields = append(fields, fmt.Sprintf("%c%c=%s", 'a'+i%26, 'a'+i/26, strings.Repeat("a{", width)[:width-3]))
	}
	return strings.Join(fields, "&")
}()

// content is a body of one kind or another.
func (a *arsenal) content() (contentType, body string) {
	switch a.rng.IntN(4) {
	case 0:
		return "application/json", `{"event":"paid","resource":{"id":"` + strings.Repeat("WH", a.rng.IntN(200)) + `"}}`
	case 1:
		return "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nx\r\n--b--\r\n"
	case 2:
		return "text/plain", strings.Repeat("Tee ", a.rng.IntN(500))
	}
	return "application/x-www-form-urlencoded", "order=4711&status=paid"
}

func (a *arsenal) with(s shot) shot {
	if s.method == "POST" || s.method == "PUT" || s.method == "PATCH" {
		contentType, body := a.content()
		s.header, s.body = append(s.header, "Content-Type: "+contentType), body
	}
	return s
}

// A weapon is one kind of attack.
type weapon struct {
	name string
	load func(a *arsenal) shot
}

var weapons = []weapon{
	{"words", func(a *arsenal) shot {
		return a.with(shot{method: a.method(), target: a.spelled(a.words[a.rng.IntN(len(a.words))]) + a.ending(), header: a.headers()})
	}},
	{"notifications", func(a *arsenal) shot {
		s := a.notifications[a.rng.IntN(len(a.notifications))]
		if a.rng.IntN(2) == 0 {
			s = shot{method: a.oneOf("POST", "GET", "HEAD"), target: s.target, header: a.headers()}
		}
		return a.with(s)
	}},
	{"public", func(a *arsenal) shot {
		return shot{method: a.oneOf("GET", "HEAD"), target: a.oneOf("/robots.txt", "/.well-known/", "/.well-known/apple-app-site-association/", "/sitemap/", "/feeds/", "/export/",
			"/sitemap.xml", "/feed") + a.oneOf("", "x", fmt.Sprint(a.rng.IntN(1e6), ".xml"), "search.csv", "x?cl=search")}
	}},
	{"preflights", func(a *arsenal) shot {
		return shot{
			method: "OPTIONS", target: "/" + a.words[a.rng.IntN(len(a.words))] + a.oneOf("", "?q=tee", fmt.Sprint("/", a.rng.IntN(1e6))),
			header: append(a.headers(), "Origin: https://app.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-"+strings.Repeat("y", a.rng.IntN(500))),
		}
	}},
	{"assets", func(a *arsenal) shot {
		name := a.oneOf("shop.css", "shop.css?v=1", "emblem.svg", fmt.Sprintf("gone%d.css", a.rng.IntN(1e6)), fmt.Sprintf("soft%d.css", a.rng.IntN(1e6)),
			fmt.Sprintf("soft%d.svg", a.rng.IntN(1e6)), "soft.css?q="+strings.Repeat("a{", a.rng.IntN(4<<10)))
		return shot{method: a.oneOf("GET", "GET", "GET", "HEAD"), target: "/static/" + name, header: a.headers()}
	}},
	{"own paths", func(a *arsenal) shot {
		return a.oneOfShots(
			shot{method: "GET", target: "/.theriac/challenge", header: []string{"Accept: " + a.oneOf("application/json", "text/html")}},
			shot{method: "POST", target: "/.theriac/challenge", body: a.oneOf("junk", strings.Repeat("A", 59)+".AAAA.1", strings.Repeat("x", 4<<10))},
			shot{method: "GET", target: "/.theriac/wait?t=" + strings.Repeat("A", 59) + "&to=" + url.QueryEscape(a.oneOf("/", "//evil.example"))},
			shot{method: a.method(), target: "/.theriac/" + a.oneOf("pass", "solve.js", "x", "../search", "%2e%2e/search", "challenge/")})
	}},
	{"dear forms", func(a *arsenal) shot {
		s := a.notifications[a.rng.IntN(len(a.notifications))]
		return shot{method: "POST", target: a.oneOf(s.target, "/checkout", "/static/shop.css"), header: []string{"Content-Type: application/x-www-form-urlencoded"}, body: dearForm}
	}},
}

func (a *arsenal) oneOfShots(list ...shot) shot { return list[a.rng.IntN(len(list))] }

// everything is all kinds at once. Of 375 requests 16 have a dear form. Only now and then
// one is for our own paths: junk is soon banned.
func everything(a *arsenal) shot {
	switch n := a.rng.IntN(375); {
	case n < 16:
		return weapons[6].load(a)
	case n < 20:
		return weapons[5].load(a)
	}
	return weapons[a.rng.IntN(5)].load(a)
}

// dullest is what attackers send that know nothing.
func dullest(*arsenal) shot {
	return shot{method: "GET", target: "/", header: []string{"User-Agent: " + kit.UserAgent, "Accept: text/html", "Sec-Fetch-Mode: navigate"}}
}

// request makes one of a shot, at the edge.
func (s *shot) request(t testing.TB, e *edge.Edge) *http.Request {
	t.Helper()
	path, query, _ := strings.Cut(s.target, "?")
	r, err := http.NewRequest(s.method, e.URL, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque, r.URL.RawQuery = path, query // as it is spelled
	if strings.HasPrefix(path, "//") {
		r.URL.Opaque = "//" + e.Addr + path // in absolute form
	}
	if s.method == http.MethodConnect {
		r.URL = &url.URL{Scheme: "http", Host: e.Addr, Path: path, RawQuery: query}
	}
	for _, line := range s.header {
		if name, value, ok := strings.Cut(line, ": "); ok {
			r.Header.Add(name, value)
		}
	}
	return r
}
