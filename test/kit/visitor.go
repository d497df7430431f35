package kit

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/edge"
)

// Secret is the secret of all edges here; with it a test makes tokens as
// an edge would.
const Secret = "only-for-tests-on-loopback"

// UserAgent is the browser that visitors have unless told otherwise.
const UserAgent = "Mozilla/5.0 (X11; Linux x86_64) test"

// SetLevel sets a shop's level at one edge, as `theriac shield level` does, for longer than
// any test lasts.
func SetLevel(t testing.TB, e *edge.Edge, id shop.ID, level shop.Level) {
	t.Helper()
	body := fmt.Sprintf(`{"shop":%q,"level":%d,"for":"720h"}`, id, level)
	e.Post(t, "/shield/level", body)
}

// LevelOf asks an edge for a shop's level.
func LevelOf(t testing.TB, e *edge.Edge, id shop.ID) shop.Level {
	t.Helper()
	var shops []struct {
		ID    shop.ID    `json:"id"`
		Level shop.Level `json:"level"`
	}
	e.Get(t, "/shield/shops", &shops)
	for _, s := range shops {
		if s.ID == id {
			return s.Level
		}
	}
	t.Fatalf("no shop %s at this edge", id)
	return 0
}

// Visitor is a client with a browser's headers at one edge.
type Visitor struct {
	T      testing.TB
	Client *http.Client
	Edge   *edge.Edge
	Agent  string
	Pass   string // the value of the cookie
}

// NewVisitor comes to an edge from a loopback address of its own.
func NewVisitor(t testing.TB, e *edge.Edge, from string) *Visitor {
	return &Visitor{T: t, Client: edge.From(from), Edge: e, Agent: UserAgent}
}

// Send sends a request as a browser's navigation, and returns status, header
// and body.
func (v *Visitor) Send(method, path, contentType, body string) (int, http.Header, string) {
	v.T.Helper()
	request, err := http.NewRequestWithContext(v.T.Context(), method, v.Edge.URL+path, strings.NewReader(body))
	if err != nil {
		v.T.Fatal(err)
	}
	request.Header.Set("User-Agent", v.Agent) // an empty one is not sent
	for name, value := range map[string]string{
		"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Content-Type": contentType,
	} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return v.Do(request)
}

// Do sends a request with the visitor's pass.
func (v *Visitor) Do(request *http.Request) (int, http.Header, string) {
	v.T.Helper()
	if v.Pass != "" {
		request.AddCookie(&http.Cookie{Name: "theriac", Value: v.Pass})
	}
	response, err := v.Client.Do(request)
	if err != nil {
		v.T.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		v.T.Fatal(err)
	}
	return response.StatusCode, response.Header, string(answer)
}

// Get asks for a page.
func (v *Visitor) Get(path string) (int, http.Header, string) {
	v.T.Helper()
	return v.Send(http.MethodGet, path, "", "")
}

// tokenIn finds the challenge in a page, WaitIn the way without JavaScript.
var (
	tokenIn = regexp.MustCompile(`data-token="([A-Za-z0-9_-]{59})"`)
	WaitIn  = regexp.MustCompile(`content="([0-9]+);url=([^"]+)"`)
)

// Token asks for a page and returns the challenge that comes instead.
func (v *Visitor) Token(path string) string {
	v.T.Helper()
	status, _, page := v.Get(path)
	found := tokenIn.FindStringSubmatch(page)
	if status != http.StatusServiceUnavailable || found == nil {
		v.T.Fatalf("%s: status %d, want a challenge; got\n%.400s", path, status, page)
	}
	return found[1]
}

// Solution is what a browser would send for a token.
func Solution(t testing.TB, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != len(pow.Sealed{}) {
		t.Fatalf("%q is not a token: %v", token, err)
	}
	sealed := pow.Sealed(raw)
	nonces := pow.Solve(&pow.Challenge{Algorithm: pow.SHA256, K: sealed[2], Threshold: binary.BigEndian.Uint32(sealed[4:])}, &sealed)
	return token + "." + base64.RawURLEncoding.EncodeToString(nonces) + ".123"
}

// Submit sends a solution and returns the status, the word of a refusal, and
// the pass.
func (v *Visitor) Submit(solution string) (status int, word, pass string) {
	v.T.Helper()
	request, err := http.NewRequestWithContext(v.T.Context(), http.MethodPost, v.Edge.URL+"/.theriac/challenge", bytes.NewBufferString(solution))
	if err != nil {
		v.T.Fatal(err)
	}
	request.Header.Set("User-Agent", v.Agent)
	request.Header.Set("Accept", "*/*")
	request.Header.Set("Content-Type", "text/plain")
	status, header, body := v.Do(request)
	var refusal struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal([]byte(body), &refusal) // empty after success
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.Name == "theriac" {
			pass = c.Value
		}
	}
	return status, refusal.Error, pass
}

// Earn solves the challenge at path and keeps the pass.
func (v *Visitor) Earn(path string) {
	v.T.Helper()
	status, word, pass := v.Submit(Solution(v.T, v.Token(path)))
	if status != http.StatusNoContent || pass == "" {
		v.T.Fatalf("solving: status %d %s, pass %q", status, word, pass)
	}
	v.Pass = pass
}

// Keys are those of every edge here.
func Keys(t testing.TB) *pow.Keys {
	t.Helper()
	k, err := pow.NewKeys([]byte(Secret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Cheap is a challenge that is quickly solved.
func Cheap(k *pow.Keys, id, agent string) *pow.Challenge {
	return &pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Level: 2, Threshold: pow.Threshold(1 << 10),
		Expires: time.Now().Add(time.Minute), Binding: k.Binding(id, agent),
	}
}

// Stamp is the value of the time stamp that a visitor with this User-Agent got from an edge
// that long ago, and that was renewed today at an address.
func Stamp(t testing.TB, id, from, agent string, age time.Duration) string {
	t.Helper()
	k, now := Keys(t), time.Now()
	return string(k.AppendStamp(nil, &pow.Stamp{
		Issued: now.Add(-age), Day: pow.DayOf(now), Net: Net(t, from), Binding: k.Binding(id, agent),
	}, now))
}

// Net is today's hash of the subnet of an address, as passes and time stamps record it.
func Net(t testing.TB, from string) uint64 {
	t.Helper()
	hasher, err := netkey.NewHasher([]byte(Secret))
	if err != nil {
		t.Fatal(err)
	}
	subnet := hasher.Subnet(time.Now(), netip.MustParseAddr(from))
	return binary.LittleEndian.Uint64(subnet[:8])
}

// SpendAll asks for pages until one is challenged, and returns how many came
// from the shop.
func (v *Visitor) SpendAll(path string) (pages int) {
	v.T.Helper()
	for pages < 2000 {
		if status, _, _ := v.Get(path); status != http.StatusOK {
			return pages
		}
		pages++
	}
	return pages
}

// FreshToken is the challenge that the visitor gets without a pass.
func (v *Visitor) FreshToken(path string) string {
	v.T.Helper()
	fresh := *v
	fresh.Pass = ""
	return fresh.Token(path)
}

// PartnerSecret is what a partner of these tests proves itself with.
const PartnerSecret = "sixteen-bytes-or-more"
