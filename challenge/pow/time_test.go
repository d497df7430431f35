package pow

import (
	"testing"
	"time"
)

func TestTheTimeOfAChallenge(t *testing.T) {
	usual := challenge()
	for _, c := range []struct {
		says  string
		given Challenge
		after time.Duration
		want  error
	}{
		{"at once", usual, 0, nil},
		{"by a clock that is two minutes behind", usual, -2 * time.Minute, nil},
		{"in its last moment", usual, 2*time.Minute - time.Nanosecond, nil},
		{"when it expires", usual, 2 * time.Minute, ErrExpired},
		{"an hour later", usual, time.Hour, ErrExpired},
	} {
		k := keysOf(t, "secret")
		text := string(k.AppendChallenge(nil, &c.given, noon))
		got, _, err := k.OpenChallenge(text, noon.Add(c.after))
		if err != c.want {
			t.Errorf("%s: %v, want %v", c.says, err, c.want)
		}
		if got.ID != c.given.ID || got.Rise != c.given.Rise {
			t.Errorf("%s: opened %+v, want %+v", c.says, got, c.given)
		}
	}
}

func TestTheTimeOfAPass(t *testing.T) {
	for _, c := range []struct {
		says  string
		after time.Duration
		want  error
	}{
		{"at once", 0, nil},
		{"in its last moment", time.Hour - time.Nanosecond, nil},
		{"when it expires", time.Hour, ErrExpired},
		{"by a clock that is two hours behind", -2 * time.Hour, nil},
		{"by a clock that is further behind", -2*time.Hour - time.Nanosecond, ErrEarly},
	} {
		k, p := keysOf(t, "secret"), pass()
		got, err := k.OpenPass(string(k.AppendPass(nil, &p, noon)), noon.Add(c.after))
		if err != c.want || got != p {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.says, got, err, p, c.want)
		}
	}
}

func TestTheTimeOfAStamp(t *testing.T) {
	// Stamps of the first and of the last moment of a period of 30 days.
	first := time.Unix(690*30*86400, 0).UTC()
	last := first.Add(30*day - time.Second)
	for _, c := range []struct {
		says         string
		made, opened time.Time
		want         error
	}{
		{"at once", noon, noon, nil},
		{"when a new period has just begun", last, last.Add(time.Second), nil},
		{"at an edge whose period has not begun", last.Add(time.Second), last, nil},
		{"at an edge whose clock is two hours behind", noon.Add(2 * time.Hour), noon, nil},
		{"at an edge whose clock is further behind", last.Add(3 * time.Hour), last, ErrEarly},
		{"a period before it was made", first, first.Add(-30*day - time.Second), ErrForged},
		{"made first in a period, in its last moment", first, first.Add(400*day - time.Second), nil},
		{"made last in a period, in its last moment", last, last.Add(400*day - time.Second), nil},
		{"made first in a period, when it expires", first, first.Add(400 * day), ErrExpired},
		{"made last in a period, when it expires", last, last.Add(400 * day), ErrExpired},
		{"before its keys are gone", first, first.Add(450*day - time.Second), ErrExpired},
		{"when its keys are gone", first, first.Add(450 * day), ErrForged},
		{"256 periods later, when the key's id is the same", first, first.Add(256 * 30 * day), ErrForged},
	} {
		k := keysOf(t, "secret")
		s := Stamp{Issued: c.made}
		got, err := k.OpenStamp(string(k.AppendStamp(nil, &s, c.made)), c.opened)
		if err != c.want {
			t.Errorf("%s: %v, want %v", c.says, err, c.want)
		}
		if err != ErrForged && !got.Issued.Equal(c.made) {
			t.Errorf("%s: issued %s, want %s", c.says, got.Issued, c.made)
		}
	}
}

// TestARenewedStamp: a stamp that is renewed, by keys of a later period, stays the same
// stamp and grows no older than one that is not.
func TestARenewedStamp(t *testing.T) {
	k, s := keysOf(t, "secret"), stamp()
	first := string(k.AppendStamp(nil, &s, noon))
	id, later := s.ID, noon.AddDate(0, 6, 0)
	s.Day, s.Net = DayOf(later), 7
	renewed := string(k.AppendStamp(nil, &s, later))
	got, err := k.OpenStamp(renewed, later)
	if err != nil || renewed == first || got.ID != id || !got.Issued.Equal(noon) || got.Day != DayOf(later) || got.Net != 7 {
		t.Errorf("renewed: %+v, %v; want ID %x and the day that it was issued, %s", got, err, id, noon)
	}
	for text, want := range map[string]error{first: ErrExpired, renewed: ErrExpired} {
		if _, got := k.OpenStamp(text, noon.Add(StampLife)); got != want {
			t.Errorf("%s at its end: %v, want %v", text, got, want)
		}
	}
}

func TestTimesThatNoTokenCanSayAreTheNearest(t *testing.T) {
	for _, c := range []struct{ given, want time.Time }{
		{time.Time{}, time.Unix(0, 0)},
		{time.Unix(-1, 0), time.Unix(0, 0)},
		{time.Unix(1<<32, 0), time.Unix(1<<32-1, 0)},
		{noon.AddDate(1000, 0, 0), time.Unix(1<<32-1, 0)},
		{noon.Add(999 * time.Millisecond), noon},
	} {
		if got := timeOf(seconds(c.given)); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.given, got, c.want)
		}
	}
}
