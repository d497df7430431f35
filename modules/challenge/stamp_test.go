package challenge

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
)

// stampOfBefore is a time stamp of a visitor that was here that long before the attack.
func (s *stage) stampOfBefore(from string, age time.Duration) string {
	s.t.Helper()
	now := s.now
	defer func() { s.now = now }()
	s.now = s.since.Add(-age)
	v := s.visit(from)
	stamp := pow.Stamp{Issued: s.now, Day: pow.DayOf(s.now), Net: subnetOf(v), Binding: s.binding(request())}
	return stampCookie + "=" + string(s.keys().AppendStamp(nil, &stamp, s.now))
}

// TestWhoIsKnown: a time stamp vouches if it is from long enough before the attack, in its
// subnet for a customer's requests, and elsewhere or on another day for a third of them.
func TestWhoIsKnown(t *testing.T) {
	for _, c := range []struct {
		what string
		age  time.Duration
		from string
		want int
	}{
		{"half an hour before", 30 * time.Minute, "192.0.2.77", 240},
		{"ten minutes before", minStampAge, "192.0.2.1", 240},
		{"nine minutes before", 9 * time.Minute, "192.0.2.1", 0},
		{"after it began", -time.Minute, "192.0.2.1", 0},
		{"elsewhere", 30 * time.Minute, "198.51.100.1", 80},
		{"on the day before", 24 * time.Hour, "192.0.2.1", 80},
		{"a year before", 365 * 24 * time.Hour, "192.0.2.1", 80},
		{"401 days before", 401 * 24 * time.Hour, "192.0.2.1", 0},
	} {
		s := openStage(t)
		if got := s.admitted(300, c.from, s.stampOfBefore("192.0.2.1", c.age)); got != c.want {
			t.Errorf("a stamp from %s is worth %d requests, want %d", c.what, got, c.want)
		}
	}
}

// TestStampIsBound to the shop and the browser.
func TestStampIsBound(t *testing.T) {
	s := openStage(t)
	stamp := s.stampOfBefore("192.0.2.1", time.Hour)
	v, r := s.visit("192.0.2.1"), request(stamp)
	if _, ok := s.stampOf(r, v, new(tokens)); !ok {
		t.Fatal("the control: not valid for its own visitor")
	}
	r.Header.Set("User-Agent", "another browser")
	if _, ok := s.stampOf(r, v, new(tokens)); ok {
		t.Error("valid in another browser")
	}
	other := &Handler{Shop: "sonnen", keys: s.keys, store: s.store}
	if _, ok := other.stampOf(request(stamp), v, new(tokens)); ok {
		t.Error("valid at another shop")
	}
}

// TestStampIsRenewed on the first page of a day: it keeps its age and its budget, and says in
// which subnet its visitor is.
func TestStampIsRenewed(t *testing.T) {
	s := openStage(t)
	first := s.stampFrom("192.0.2.1")
	read := func(cookie string) pow.Stamp {
		t.Helper()
		stamp, ok := s.stampOf(request(cookie), s.visit("192.0.2.1"), new(tokens))
		if !ok {
			t.Fatalf("%q is no time stamp", cookie)
		}
		return stamp
	}
	issued := s.now
	s.now = s.now.Add(11 * time.Hour)
	if again := s.stampFrom("198.51.100.1", first); again != "" {
		t.Error("renewed on the same day")
	}
	s.now = s.now.Add(2 * time.Hour)
	renewed := s.stampFrom("198.51.100.1", first)
	a, b := read(first), read(renewed)
	if a.ID != b.ID || !b.Issued.Equal(issued.Truncate(time.Second)) || b.Day != a.Day+1 || b.Net != subnetOf(s.visit("198.51.100.1")) {
		t.Errorf("renewed as %+v, first was %+v", b, a)
	}
	s.since, s.now = s.now.Add(time.Minute), s.now.Add(time.Hour)
	if got := s.admitted(300, "198.51.100.1", renewed); got != 240 {
		t.Errorf("renewed it is worth %d requests in its subnet, want 240", got)
	}
	if got := s.admitted(300, "192.0.2.1", first); got != 80 {
		t.Errorf("as it was it is worth %d requests, want 80", got)
	}
}

// TestKnownCustomersOfACarrier: more of those that were there are known than of those that
// come with stamps from elsewhere, and reading slowly makes nobody count again.
func TestKnownCustomersOfACarrier(t *testing.T) {
	s := openStage(t)
	known := func(from string) (admitted int) {
		t.Helper()
		cookies := make([]string, 100)
		for i := range cookies {
			cookies[i] = s.stampOfBefore(fmt.Sprintf(from, i), 30*time.Minute)
		}
		for i, cookie := range cookies {
			if s.passes(fmt.Sprintf("192.0.2.%d", i), cookie) {
				admitted++
			} else {
				cookies[i] = ""
			}
		}
		for range 10 {
			s.now = s.now.Add(59 * time.Second)
			for i, cookie := range cookies {
				if cookie != "" && !s.passes(fmt.Sprintf("192.0.2.%d", i), cookie) {
					t.Fatalf("a known customer is challenged for the next page")
				}
			}
		}
		return admitted
	}
	if got := known("192.0.2.%d"); got != 60 {
		t.Errorf("%d of 100 customers of a subnet are known, want 60", got)
	}
	if got := known("198.51.100.%d"); got != 10 {
		t.Errorf("%d of 100 with stamps from elsewhere are known, want 10", got)
	}
}

// TestKnownAtLevelTwoOnly: stamps vouch at no higher level, and none is given meanwhile.
func TestKnownAtLevelTwoOnly(t *testing.T) {
	s := openStage(t)
	stamp := s.stampOfBefore("192.0.2.1", time.Hour)
	for level, want := range map[shop.Level]bool{shop.Attack: true, shop.Heavy: false, shop.Siege: false} {
		s.level = level
		if got := s.passes("192.0.2.1", stamp); got != want {
			t.Errorf("level %s: passes %v, want %v", level, got, want)
		}
	}
}
