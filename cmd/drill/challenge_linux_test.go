package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	paths "github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
)

// gate challenges clients without a pass, as an edge does, with little work.
type gate struct {
	keys   *pow.Keys
	worth  int64 // requests for one pass
	spent  atomic.Int64
	passed http.Handler
}

func newGate(t *testing.T, worth int64) func(http.Handler) http.Handler {
	t.Helper()
	keys, err := pow.NewKeys([]byte(strings.Repeat("s", pow.MinSecret)))
	if err != nil {
		t.Fatal(err)
	}
	return func(shop http.Handler) http.Handler { return &gate{keys: keys, worth: worth, passed: shop} }
}

func (g *gate) token(r *http.Request) string {
	return string(g.keys.AppendChallenge(nil, &pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Threshold: pow.Threshold(1 << 10), Expires: time.Now().Add(time.Minute),
		Binding: g.keys.Binding("shop", r.UserAgent()),
	}, time.Now()))
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch pass, err := r.Cookie("theriac"); {
	case r.URL.Path == paths.ChallengePath && r.Method == http.MethodPost:
		g.solve(w, r)
	case r.URL.Path == paths.ChallengePath:
		fmt.Fprintf(w, `{"token":%q}`, g.token(r))
	case err == nil && pass.Value == "for "+r.UserAgent() && g.spent.Add(1)%(g.worth+1) != 0 || r.URL.Path == "/payment/callback":
		g.passed.ServeHTTP(w, r)
	default:
		_, _ = io.Copy(io.Discard, r.Body) // as an edge does before it answers
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, `<body data-token="%s">`, g.token(r))
	}
}

func (g *gate) solve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	token, rest, _ := strings.Cut(string(body), ".")
	nonces, _, _ := strings.Cut(rest, ".")
	c, sealed, err := g.keys.OpenChallenge(token, time.Now())
	answers, coded := base64.RawURLEncoding.DecodeString(nonces)
	if err != nil || coded != nil || c.Solved(&sealed, answers) != nil || c.Binding != g.keys.Binding("shop", r.UserAgent()) {
		http.Error(w, `{"error":"wrong"}`, http.StatusConflict)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "theriac", Value: "for " + r.UserAgent(), Path: "/"})
	w.WriteHeader(http.StatusNoContent)
}

func TestCustomersSolveChallenges(t *testing.T) {
	target := httptest.NewServer(http.NotFoundHandler())
	defer target.Close()
	door, truth := openShop(t, newGate(t, 10))
	code, out, errs := drill(t, "flood", "--target", target.URL, "--rate", "100", "--from", "5", "--for", "500ms",
		"--customers", door, "--shoppers", "2", "--pause", "1ms", "--truth", truth, "--p99", "5s")
	if code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		`(?m)^customers  2 shoppers, [1-9]\d* requests, 0 errors$`,
		`(?m)^  solved   [1-9]\d* challenges, p50 .*ms, max .*ms$`,
		`(?m)^  orders   [1-9]\d* submitted, .* 0 doubled, 0 lost;`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line like %s in:\n%s", want, out)
		}
	}
}

func TestCustomersGiveUpOnAnEdgeThatAlwaysAsks(t *testing.T) {
	target := httptest.NewServer(http.NotFoundHandler())
	defer target.Close()
	door, _ := openShop(t, newGate(t, 0))
	code, out, _ := drill(t, "flood", "--target", target.URL, "--rate", "100", "--from", "5", "--for", "300ms",
		"--customers", door, "--shoppers", "1", "--pause", "1ms", "--p99", "5s")
	if want := "challenged 3 times for one request"; code != 1 || !strings.Contains(out, want) {
		t.Errorf("exit code %d, want 1 and %q in:\n%s", code, want, out)
	}
}

func TestFloodWithAStolenPass(t *testing.T) {
	var through, strange atomic.Int64
	back := httptest.NewServer(newGate(t, 1<<40)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "thief" || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			strange.Add(1)
		}
		through.Add(1)
	})))
	defer back.Close()
	code, pass, errs := drill(t, "pass", "--target", back.URL, "--agent", "thief")
	if code != 0 || !strings.HasPrefix(pass, "theriac=") || !regexp.MustCompile(`^solved in \d+\.\dms\n$`).MatchString(errs) {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, pass, errs)
	}
	for _, c := range []struct {
		about string
		more  []string
		want  bool
	}{
		{"its own browser", []string{"--agent", "thief"}, true},
		{"another browser", nil, false},
	} {
		before := through.Load()
		args := append([]string{"flood", "--target", back.URL, "--rate", "200", "--from", "5", "--for", "200ms", "--cookie", strings.TrimSpace(pass)}, c.more...)
		if code, _, errs := drill(t, args...); code != 0 {
			t.Errorf("%s: exit code %d: %s", c.about, code, errs)
		}
		if got := through.Load() > before; got != c.want {
			t.Errorf("%s: the flood got through: %v, want %v", c.about, got, c.want)
		}
	}
	if n := strange.Load(); n > 0 {
		t.Errorf("%d requests of the flood did not look like the thief's navigations", n)
	}
}
