package levels

import (
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// TestWatchedHasTheFormOfTheReleaseBefore, whose edges read it and write it.
func TestWatchedHasTheFormOfTheReleaseBefore(t *testing.T) {
	for value, w := range map[string]Watched{
		"1 0":             {Level: shop.Raised},
		"3 1796040000123": {Level: shop.Heavy, Since: time.UnixMilli(1796040000123)},
	} {
		if got := w.String(); got != value {
			t.Errorf("%+v is written as %q, want %q", w, got, value)
		}
		if got, err := parseWatched(&counters.Entry{Value: value}); err != nil || got.Level != w.Level || !got.Since.Equal(w.Since) {
			t.Errorf("%q is read as %+v, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "5 0", "2", "2 soon", "2 0 exact"} {
		if got, err := parseWatched(&counters.Entry{Value: value}); err == nil {
			t.Errorf("%q is read as %+v", value, got)
		}
	}
}

func TestPeakCheck(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	good := Peak{From: now.Add(time.Hour), To: now.Add(9 * time.Hour), Factor: 3, Who: "root", Why: "newsletter"}
	if err := good.Check(now); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for about, change := range map[string]func(*Peak){
		"a factor that announces nothing": func(p *Peak) { p.Factor = 1 },
		"a factor that is too high":       func(p *Peak) { p.Factor = 51 },
		"an end before the beginning":     func(p *Peak) { p.To = p.From },
		"an end in the past":              func(p *Peak) { p.From, p.To = now.Add(-time.Hour), now },
		"an end too far ahead":            func(p *Peak) { p.To = now.Add(Ahead + time.Second) },
		"a reason of two lines":           func(p *Peak) { p.Why = "a\nb" },
		"a reason without end":            func(p *Peak) { p.Why = strings.Repeat("x", longestLine+1) },
	} {
		bad := good
		if change(&bad); bad.Check(now) == nil {
			t.Errorf("%s is accepted", about)
		}
	}
	for at, want := range map[time.Time]bool{
		good.From.Add(-time.Second): false, good.From: true, good.To.Add(-time.Second): true, good.To: false,
	} {
		if got := good.Covers(at); got != want {
			t.Errorf("at %s: %t, want %t", at, got, want)
		}
	}
}

// FuzzParse: what an edge reads from the store, it can write again and read alike.
func FuzzParse(f *testing.F) {
	for _, value := range []string{
		"2 1796040000123", `{"level":2,"at_least":true,"since":"2026-11-30T12:00:00Z","who":"root","why":"x"}`,
		`{"reason":"foreign","words":"many strangers"}`, `{"why":"search floods at 3 shops"}`,
		`{"from":"2026-12-01T08:00:00Z","to":"2026-12-01T20:00:00+01:00","factor":3}`, `{"factor":1e999}`, "null", "",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		e := &counters.Entry{Value: value}
		if w, err := parseWatched(e); err == nil {
			again, err := parseWatched(&counters.Entry{Value: w.String()})
			if err != nil || *again != *w {
				t.Errorf("%q: %+v became %+v, %v", value, w, again, err)
			}
		}
		if p, err := parsePin(e); err == nil {
			again, err := parsePin(&counters.Entry{Value: encode(t, p)})
			if err != nil || again.Level != p.Level || !again.Since.Equal(p.Since) || int(p.Level) >= shop.Levels {
				t.Errorf("%q: %+v became %+v, %v", value, p, again, err)
			}
		}
		if p, err := ParsePeak(value); err == nil {
			if again, err := ParsePeak(encode(t, p)); err != nil || again.Factor != p.Factor || !again.To.Equal(p.To) {
				t.Errorf("%q: %+v became %+v, %v", value, p, again, err)
			}
		}
		if w, err := ParseWhy(value); err == nil {
			if again, err := ParseWhy(encode(t, w)); err != nil || *again != *w {
				t.Errorf("%q: %+v became %+v, %v", value, w, again, err)
			}
		}
		if c, err := parseCampaign(e); err == nil {
			if again, err := parseCampaign(&counters.Entry{Value: encode(t, c)}); err != nil || *again != *c {
				t.Errorf("%q: %+v became %+v, %v", value, c, again, err)
			}
		}
	})
}

func encode(t testing.TB, entry any) string {
	t.Helper()
	value, err := Encode(entry)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
