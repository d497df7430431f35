package test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
)

// tierSecret is the secret of all edges here; with it a test makes tokens as
// an edge would.
const tierSecret = "only-for-tests-on-loopback"

// agent is the browser that visitors have unless told otherwise.
const agent = "Mozilla/5.0 (X11; Linux x86_64) test"

// setLevel sets a shop's level at one edge, as `theriac shield level` does.
func setLevel(t testing.TB, e *edge.Edge, id shop.ID, level shop.Level) {
	t.Helper()
	body := fmt.Sprintf(`{"shop":%q,"level":%d}`, id, level)
	e.Post(t, "/shield/level", body)
}

// levelOf asks an edge for a shop's level.
func levelOf(t testing.TB, e *edge.Edge, id shop.ID) shop.Level {
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

// visitor is somebody with a browser at one edge.
type visitor struct {
	t      testing.TB
	client *http.Client
	edge   *edge.Edge
	agent  string
	pass   string // the value of the cookie
}

func newVisitor(t testing.TB, e *edge.Edge, from string) *visitor {
	return &visitor{t: t, client: edge.From(from), edge: e, agent: agent}
}

// send sends a request as a browser's navigation, and returns status, header
// and body.
func (v *visitor) send(method, path, contentType, body string) (int, http.Header, string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.edge.URL+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("User-Agent", v.agent) // an empty one is not sent
	for name, value := range map[string]string{
		"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Content-Type": contentType,
	} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return v.do(request)
}

func (v *visitor) do(request *http.Request) (int, http.Header, string) {
	v.t.Helper()
	if v.pass != "" {
		request.AddCookie(&http.Cookie{Name: "theriac", Value: v.pass})
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(answer)
}

// get asks for a page.
func (v *visitor) get(path string) (int, http.Header, string) {
	v.t.Helper()
	return v.send(http.MethodGet, path, "", "")
}

// tokenIn finds the challenge in a page, waitIn the way without JavaScript.
var (
	tokenIn = regexp.MustCompile(`data-token="([A-Za-z0-9_-]{59})"`)
	waitIn  = regexp.MustCompile(`content="([0-9]+);url=([^"]+)"`)
)

// token asks for a page and returns the challenge that comes instead.
func (v *visitor) token(path string) string {
	v.t.Helper()
	status, _, page := v.get(path)
	found := tokenIn.FindStringSubmatch(page)
	if status != http.StatusServiceUnavailable || found == nil {
		v.t.Fatalf("%s: status %d, want a challenge; got\n%.400s", path, status, page)
	}
	return found[1]
}

// solution is what a browser would send for a token.
func solution(t testing.TB, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != len(pow.Sealed{}) {
		t.Fatalf("%q is no token: %v", token, err)
	}
	sealed := pow.Sealed(raw)
	nonces := pow.Solve(&pow.Challenge{Algorithm: pow.SHA256, K: sealed[2], Threshold: binary.BigEndian.Uint32(sealed[4:])}, &sealed)
	return token + "." + base64.RawURLEncoding.EncodeToString(nonces) + ".123"
}

// submit sends a solution and returns the status, the word of a refusal, and
// the pass.
func (v *visitor) submit(solution string) (status int, word, pass string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.edge.URL+"/.theriac/challenge", bytes.NewBufferString(solution))
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("User-Agent", v.agent)
	request.Header.Set("Accept", "*/*")
	request.Header.Set("Content-Type", "text/plain")
	status, header, body := v.do(request)
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

// earn solves the challenge at path and keeps the pass.
func (v *visitor) earn(path string) {
	v.t.Helper()
	status, word, pass := v.submit(solution(v.t, v.token(path)))
	if status != http.StatusNoContent || pass == "" {
		v.t.Fatalf("solving: status %d %s, pass %q", status, word, pass)
	}
	v.pass = pass
}

// keys are those of every edge here.
func keys(t testing.TB) *pow.Keys {
	t.Helper()
	k, err := pow.NewKeys([]byte(tierSecret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// cheap is a challenge that is quickly solved.
func cheap(k *pow.Keys, id, agent string) *pow.Challenge {
	return &pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Level: 2, Threshold: pow.Threshold(1 << 10),
		Expires: time.Now().Add(time.Minute), Binding: k.Binding(id, agent),
	}
}
