package challenge

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// TestSiteBoundsItsSubnets: the 256 subnets of a /48 get what four get. Others, and IPv4, get
// theirs.
func TestSiteBoundsItsSubnets(t *testing.T) {
	for name, of := range map[string]struct {
		take func(s *stage, v *shop.Visit) bool
		each int64 // of one subnet
	}{
		"passes":      {func(s *stage, v *shop.Visit) bool { return s.take(v, passIssue).Allowed() }, 40}, // of a client
		"waits":       {func(s *stage, v *shop.Visit) bool { return s.take(v, waits).Allowed() }, 3},
		"uploads":     {func(s *stage, v *shop.Visit) bool { return s.take(v, uploads).Allowed() }, 5},
		"stamps":      {func(s *stage, v *shop.Visit) bool { return s.take(v, stamps).Allowed() }, 12},
		"assets":      {func(s *stage, v *shop.Visit) bool { return s.takeAround(v, strangersAssets).Allowed() }, 200},
		"misses":      {func(s *stage, v *shop.Visit) bool { return s.takeAround(v, strangersMisses).Allowed() }, 30},
		"callbacks":   {func(s *stage, v *shop.Visit) bool { return s.takeAround(v, notifications.around).Allowed() }, 60},
		"public":      {func(s *stage, v *shop.Visit) bool { return s.takeAround(v, public.around).Allowed() }, 100},
		"known":       {func(s *stage, v *shop.Visit) bool { return s.takeAround(v, stampsAtHome).Allowed() }, 60},
		"known, away": {func(s *stage, v *shop.Visit) bool { return s.takeAround(v, stampsAway).Allowed() }, 10},
	} {
		s := openStage(t)
		site := map[string]int64{
			"passes": 480, "waits": 48, "uploads": 80, "stamps": 240, "assets": 800, "misses": 120,
			"callbacks": 240, "public": 400, "known": 240, "known, away": 40,
		}[name]
		from := func(network string, subnets, each int64) (taken int64) {
			for i := range subnets {
				for range each {
					if of.take(s, s.visit(fmt.Sprintf(network, i))) {
						taken++
					}
				}
			}
			return taken
		}
		if got := from("2001:db8:1:%x00::1", 256, of.each); got != site {
			t.Errorf("%s: 256 subnets of one /48 get %d, want %d", name, got, site)
		}
		// The controls.
		if got := from("2001:db8:%x::1", 64, of.each); got < 63*of.each { // one of them is the /48 from above
			t.Errorf("%s: 64 subnets of as many /48 get %d, want %d each", name, got, of.each)
		}
		if got := from("192.0.%d.1", 64, of.each); got != 64*of.each {
			t.Errorf("%s: 64 subnets of IPv4 get %d, want %d each", name, got, of.each)
		}
	}
}

// TestFewClaimsOfASite: four subnets' worth of a /48 pass whatever others send, and no more.
func TestFewClaimsOfASite(t *testing.T) {
	s := openStage(t)
	s.class = shop.Callback
	for i := range 200 { // others use up what all share
		s.admitted(60, fmt.Sprintf("192.0.%d.1", i))
	}
	var got int
	for i := range 256 {
		got += s.admitted(24, fmt.Sprintf("2001:db8:1:%x00::1", i))
	}
	if want := 4 * 24; got != want {
		t.Errorf("%d claims of one /48 pass, want %d", got, want)
	}
	if got := s.admitted(24, "2001:db8:2::1"); got != 24 {
		t.Errorf("%d claims of the next /48 pass, want 24", got)
	}
}

// TestWrongAnswersAndNeighbours: what clients of a carrier's subnet do wrong, or exceed, takes
// nothing from their neighbours.
func TestWrongAnswersAndNeighbours(t *testing.T) {
	s := openStage(t)
	for i := range 3 {
		for range 200 {
			s.take(s.visit(fmt.Sprintf("192.0.2.%d", 1+i)), waits)
		}
	}
	for i := range 3 {
		if !s.take(s.visit(fmt.Sprintf("192.0.2.%d", 100+i)), waits).Allowed() {
			t.Errorf("neighbour %d cannot wait, because of three others", i)
		}
	}
	// The control: 12 is what all of them have.
	if s.take(s.visit("192.0.2.200"), waits).Allowed() {
		t.Error("a thirteenth of the subnet may wait")
	}
}

// TestPageInsteadOfAnAsset: a shop that answers a missing file with a page and status 200 is
// asked for as few as with 404, and files and redirects cost nothing of that.
func TestPageInsteadOfAnAsset(t *testing.T) {
	for _, c := range []struct {
		what, contentType string
		status            int
		misses            bool
	}{
		{"a file", "image/webp", http.StatusOK, false},
		{"a part of one", "video/mp4", http.StatusPartialContent, false},
		{"an unchanged file", "", http.StatusNotModified, false},
		{"a redirect", "text/html", http.StatusFound, false},
		{"a missing file", "text/html", http.StatusNotFound, true},
		{"a page instead", "text/html; charset=utf-8", http.StatusOK, true},
		{"a broken shop", "", http.StatusBadGateway, true},
	} {
		s := openStage(t)
		s.class = shop.Asset
		var reached int
		for range 100 {
			v := s.visit("192.0.2.1")
			if !s.takeAsset(v) {
				break
			}
			reached++
			w := response{http.Header{"Content-Type": {c.contentType}}}
			v.Status = c.status
			_ = s.serveAsset(w, request(), v, served{})
		}
		if want := map[bool]int{true: 30, false: 100}[c.misses]; reached != want {
			t.Errorf("%s: the shop is asked %d times, want %d", c.what, reached, want)
		}
	}
}

// response is the header of an answer.
type response struct{ header http.Header }

func (r response) Header() http.Header          { return r.header }
func (response) WriteHeader(int)                {}
func (response) Write(body []byte) (int, error) { return len(body), nil }

type served struct{}

func (served) ServeHTTP(http.ResponseWriter, *http.Request) error { return nil }

// TestStampsAreGathered: what one client can gather before an attack is little, and serves few
// addresses elsewhere.
func TestStampsAreGathered(t *testing.T) {
	s := openStage(t)
	s.since = s.now.Add(time.Hour)
	var gathered []string
	for range 46 {
		if stamp := s.stampFrom("192.0.2.1"); stamp != "" {
			gathered = append(gathered, stamp)
		}
	}
	if len(gathered) != 12 {
		t.Errorf("one client got %d time stamps at once, want 12", len(gathered))
	}
	s.now = s.since.Add(time.Minute)
	var served int
	for i, stamp := range gathered {
		if s.passes(fmt.Sprintf("198.51.100.%d", 1+i), stamp) {
			served++
		}
	}
	if served != 10 {
		t.Errorf("%d addresses of another subnet are served by stamps from elsewhere, want 10", served)
	}
	for i := range 5 {
		if !s.passes(fmt.Sprintf("192.0.2.%d", 1+i), gathered[0]) {
			t.Error("the control, at home: not served")
		}
	}
}
