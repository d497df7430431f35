package challenge

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/shop"
)

// call is a request by a script.
func call(cookies ...string) *http.Request {
	r := request(cookies...)
	r.Header.Set("Accept", "application/json")
	return r
}

// answers sends a request from an address, and returns what comes back; 200 is from the shop.
func (s *stage) answers(from string, r *http.Request) *httptest.ResponseRecorder {
	s.t.Helper()
	v, w := s.visit(from), httptest.NewRecorder()
	chain.SetVisit(r, v)
	if err := s.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		s.next(w, r)
		return nil
	})); err != nil {
		s.t.Fatal(err)
	}
	return w
}

// isPunished reports whether a client is in penalty for what it has ignored: then a ban was
// asked for.
func (s *stage) isPunished(from string) bool {
	v := s.visit(from)
	return s.store.Peek(s.limitKey(v.Client, ruleIgnored), &s.allowances()[s.level].ignored, s.now).Penalized
}

const someone = "192.0.2.1"

// levels are those at which strangers are challenged.
var levels = []shop.Level{shop.Raised, shop.Attack, shop.Heavy, shop.Siege}

// TestCustomersAreNotPunished: what customers do without a pass is not taken for ignoring the
// challenge, at no level. That each could be is shown by TestWhoIgnoresIsPunished, which does
// the same for longer.
func TestCustomersAreNotPunished(t *testing.T) {
	for what, do := range map[string]func(s *stage){
		"100 newcomers behind one address within 10 s, none of whom has solved it yet": func(s *stage) {
			for range 100 {
				s.answers(someone, request())
				s.now = s.now.Add(100 * time.Millisecond)
			}
		},
		"presses reload 20 times in 5 s": func(s *stage) {
			for range 20 {
				s.answers(someone, request())
				s.now = s.now.Add(250 * time.Millisecond)
			}
		},
		"a page with 40 calls by scripts, loaded twice": func(s *stage) {
			for range 2 {
				s.answers(someone, request())
				for range 40 {
					s.answers(someone, call())
				}
				s.now = s.now.Add(5 * time.Second)
			}
		},
		"three tabs that are left open and ask every 3 s, for half an hour": func(s *stage) {
			for range 600 {
				for range 3 {
					s.answers(someone, call())
				}
				s.now = s.now.Add(3 * time.Second)
			}
		},
		"no JavaScript: waits as told, with a reload by impatience each second": func(s *stage) {
			for range 41 {
				s.answers(someone, request())
				s.now = s.now.Add(time.Second)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			for _, level := range levels {
				s := openStage(t)
				s.level = level
				do(s)
				if s.isPunished(someone) {
					t.Errorf("level %s: punished", level)
				}
			}
		})
	}
}

// TestWhoIgnoresIsPunished: a client that goes on, with pages or with calls, is punished
// within seconds, and a second client is not.
func TestWhoIgnoresIsPunished(t *testing.T) {
	for what, c := range map[string]struct {
		ask  func(...string) *http.Request
		rate int // requests a second
		soon time.Duration
	}{
		"pages":         {request, 20, 20 * time.Second},
		"calls":         {call, 20, 20 * time.Second},
		"many pages":    {request, 100, 4 * time.Second},
		"slowly enough": {request, 10, time.Minute},
	} {
		t.Run(what, func(t *testing.T) {
			for _, level := range levels {
				s := openStage(t)
				s.level = level
				begin := s.now
				for s.now.Sub(begin) < time.Minute && !s.isPunished(someone) {
					s.answers(someone, c.ask())
					s.now = s.now.Add(time.Second / time.Duration(c.rate))
				}
				took := s.now.Sub(begin)
				if !s.isPunished(someone) || took > c.soon {
					t.Errorf("level %s: punished after %s: %v, want within %s", level, took, s.isPunished(someone), c.soon)
				}
				if s.isPunished("192.0.2.2") {
					t.Errorf("level %s: so is somebody else", level)
				}
			}
		})
	}
}

// TestSolvingForgives: a flood from an address goes unpunished while somebody there solves
// challenges. The control is the same flood without that.
func TestSolvingForgives(t *testing.T) {
	for _, solves := range []bool{true, false} {
		s := openStage(t)
		for n := range 300 {
			s.answers(someone, request())
			s.now = s.now.Add(50 * time.Millisecond)
			if solves && n%40 == 0 {
				s.forgive(s.visit(someone))
			}
		}
		if s.isPunished(someone) == solves {
			t.Errorf("solves: %v, and is punished: %v", solves, s.isPunished(someone))
		}
	}
}

// TestBeyondTheAllowance: a person still gets the page, which solves; a script is told where
// to solve, with a bare answer; and what is not dynamic is not counted.
func TestBeyondTheAllowance(t *testing.T) {
	for _, level := range levels {
		s := openStage(t)
		s.level = level
		before := s.answers(someone, call())
		for range 25 {
			s.answers(someone, call())
		}
		if page := s.answers(someone, request()); page.Code != http.StatusServiceUnavailable || page.Body.Len() < 1000 {
			t.Errorf("level %s: a person gets %d, %d bytes", level, page.Code, page.Body.Len())
		}
		bare := s.answers(someone, call())
		if bare.Code != http.StatusTooManyRequests || bare.Body.Len() != 0 || bare.Header().Get("Retry-After") == "" ||
			bare.Header().Get(browser.ChallengeHeader) == "" {
			t.Errorf("level %s: a script gets %d %v %q", level, bare.Code, bare.Header(), bare.Body)
		}
		if level >= shop.Attack && (before.Code != http.StatusTooManyRequests || before.Body.Len() == 0) {
			t.Errorf("level %s: within the allowance a script gets %d %q", level, before.Code, before.Body)
		}
		if level == shop.Raised && before.Code != http.StatusOK {
			t.Errorf("level %s: within the allowance a script gets %d", level, before.Code)
		}
	}
}

// TestRaised: at level 1 a stranger is challenged when half of its allowance is used up, and
// whoever has a time stamp or a pass is none. Log-ins and searches have less.
func TestRaised(t *testing.T) {
	reached := func(class shop.Class, cookie func(*stage) string) (n int) {
		s := openStage(t)
		s.level = shop.Raised
		with := cookie(s)
		s.class = class
		return s.admitted(100, someone, with)
	}
	nothing := func(*stage) string { return "a=b" }
	stamp := func(s *stage) string { return s.stampFrom(someone) }
	pass := func(s *stage) string { return s.pass(someone, shop.Raised) }
	for what, c := range map[string]struct {
		class     shop.Class
		cookie    func(*stage) string
		want, few int
	}{
		"pages":               {shop.Page, nothing, 10, 10},
		"searches":            {shop.Search, nothing, 2, 3},
		"log-ins":             {shop.Account, nothing, 3, 3},
		"pages, with stamp":   {shop.Page, stamp, 100, 100},
		"log-ins, with stamp": {shop.Account, stamp, 100, 100},
		"pages, with pass":    {shop.Page, pass, 100, 100},
		"assets":              {shop.Asset, nothing, 100, 100},
	} {
		if got := reached(c.class, c.cookie); got < c.want || got > c.few {
			t.Errorf("%s: %d of 100 reached the shop, want %d to %d", what, got, c.want, c.few)
		}
	}
}

// TestYoungStamps: what a flood collected as it began makes nobody known when the level has
// risen.
func TestYoungStamps(t *testing.T) {
	s := openStage(t)
	young := s.stampFrom(someone)
	v := s.visit(someone)
	if s.knows(request(young), v) {
		t.Error("a stamp from after the attack's begin counts at level 2")
	}
	v.Level = shop.Raised
	if !s.knows(request(young), v) {
		t.Error("it counts at level 1: this test proves nothing")
	}
	// Another character inside the MAC: the last one could be refused for its unused bits alone.
	forged := []byte(young)
	if at := len(forged) - 2; forged[at] == 'A' {
		forged[at] = 'B'
	} else {
		forged[at] = 'A'
	}
	if s.knows(request(string(forged)), v) {
		t.Error("a forged one counts")
	}
}
