package challenge

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
)

// withSecrets has the stage use these secrets, the first of which seals.
func (s *stage) withSecrets(names ...string) {
	s.t.Helper()
	var secrets [][]byte
	for _, name := range names {
		secrets = append(secrets, []byte(name+", which is long enough"))
	}
	keys, err := pow.NewKeys(secrets...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keys = func() *pow.Keys { return keys }
}

// TestTokensOfAnOlderSecret are worth what those of yesterday are, are bound as before, and
// are exchanged for ones of the first secret. Without the older one they are worth nothing.
func TestTokensOfAnOlderSecret(t *testing.T) {
	s := openStage(t)
	s.withSecrets("old")
	pass, stamp := s.pass("192.0.2.1", s.level), s.stampOfBefore("192.0.2.1", 30*time.Minute)
	s.withSecrets("new", "old")
	if got := s.admitted(300, "192.0.2.1", pass); got != 240 {
		t.Errorf("a pass is worth %d requests, want 240", got)
	}
	if got := s.admitted(300, "192.0.2.1", stamp); got != 80 {
		t.Errorf("a stamp is worth %d requests, want 80", got)
	}
	r := request(pass)
	r.Header.Set("User-Agent", "another browser")
	if _, ok := s.passOf(r, s.visit("192.0.2.1"), new(tokens)); ok {
		t.Error("a pass is good in another browser")
	}
	renewed := s.stampFrom("192.0.2.1", stamp)
	s.withSecrets("new")
	if a, ok := s.stampOf(request(renewed), s.visit("192.0.2.1"), new(tokens)); !ok || s.since.Sub(a.Issued) < 30*time.Minute {
		t.Errorf("a renewed stamp: %+v, %t", a, ok)
	}
	if s.passes("192.0.2.3", pass) || s.passes("192.0.2.3", stamp) {
		t.Error("the control: tokens of a secret that is not accepted are")
	}
}

// TestChallengeOfAnOlderSecret is exchanged for a pass of the first.
func TestChallengeOfAnOlderSecret(t *testing.T) {
	s := openStage(t)
	s.withSecrets("old")
	v, r := s.visit("192.0.2.1"), request()
	c := pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Level: uint8(s.level), Threshold: pow.Threshold(1 << 10),
		Expires: s.now.Add(time.Minute), Binding: s.binding(r),
	}
	token := string(s.keys().AppendChallenge(nil, &c, s.now))
	answer := solved(t, s.keys(), token, s.now)
	for _, step := range []struct {
		secrets []string
		want    bool
	}{{[]string{"new"}, false}, {[]string{"new", "old"}, true}} {
		s.withSecrets(step.secrets...)
		post, w := httptest.NewRequest("POST", "http://loewen.example"+solvePath, strings.NewReader(answer)), httptest.NewRecorder()
		post.Header.Set("User-Agent", "a browser")
		if err := s.solve(w, post.WithContext(r.Context()), v); err != nil {
			t.Fatal(err)
		}
		cookies := w.Result().Cookies()
		if got := len(cookies) == 1; got != step.want {
			t.Fatalf("%q: a pass is %t, want %t: %s", step.secrets, got, step.want, w.Body)
		}
		if step.want {
			s.withSecrets("new")
			if !s.passes("192.0.2.1", passCookie+"="+cookies[0].Value) {
				t.Error("its pass is of no secret that stays")
			}
		}
	}
}

// solved answers a challenge.
func solved(t *testing.T, keys *pow.Keys, token string, now time.Time) string {
	t.Helper()
	c, sealed, err := keys.OpenChallenge(token, now)
	if err != nil {
		t.Fatal(err)
	}
	return token + "." + base64.RawURLEncoding.EncodeToString(pow.Solve(&c, &sealed)) + ".123"
}
