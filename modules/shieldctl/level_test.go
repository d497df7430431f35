package shieldctl

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

func TestLevelReportAsText(t *testing.T) {
	end, far := time.Now().Add(time.Hour), time.Now().Add(24*time.Hour)
	clock := end.Local().Format(time.TimeOnly)
	pin := func(level shop.Level, atLeast bool) *PinReport {
		return &PinReport{Pin: levels.Pin{Level: level, AtLeast: atLeast}, Until: end}
	}
	for want, r := range map[string]LevelReport{
		"0 calm":                                         {},
		"2 attack by watch":                              {Level: 2, By: levels.ByWatch, Until: end, Watched: 2},
		"2 attack by watch, at least 1":                  {Level: 2, By: levels.ByWatch, Until: end, Watched: 2, Pin: pin(1, true)},
		"3 heavy attack by people until " + clock:        {Level: 3, By: levels.ByPeople, Until: end, Watched: 2, Pin: pin(3, false)},
		"0 calm by people until " + clock + ", watch: 2": {By: levels.ByPeople, Until: end, Watched: 2, Pin: pin(0, false)},
		"1 raised by people until " + clock:              {Level: 1, By: levels.ByPeople, Until: end, Pin: pin(1, true)},
		"1 raised by people":                             {Level: 1, By: levels.ByPeople, Pin: &PinReport{Pin: levels.Pin{Level: 1}}},
		"1 raised by campaign until " + far.Local().Format(time.DateTime): {Level: 1, By: levels.ByCampaign, Until: far},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLevelRequestCheck(t *testing.T) {
	for about, c := range map[string]struct {
		q    LevelRequest
		want time.Duration // 0: it is refused
	}{
		"without a time":             {LevelRequest{Level: 2}, 4 * time.Hour},
		"for 30 days":                {LevelRequest{Level: 2, For: "30d"}, 30 * 24 * time.Hour},
		"for longer":                 {LevelRequest{Level: 2, For: "721h"}, 0},
		"for no time":                {LevelRequest{Level: 2, For: "0s"}, 0},
		"a level that there is not":  {LevelRequest{Level: 5}, 0},
		"a reason of two lines":      {LevelRequest{Level: 2, Why: "a\nb"}, 0},
		"auto":                       {LevelRequest{Auto: true}, 4 * time.Hour},
		"auto and a level":           {LevelRequest{Auto: true, Level: 1}, 0},
		"auto for a while":           {LevelRequest{Auto: true, For: "1h"}, 0},
		"auto and at least as a pin": {LevelRequest{Auto: true, AtLeast: true}, 0},
	} {
		if got, err := c.q.check(); (err != nil) != (c.want == 0) || err == nil && got != c.want {
			t.Errorf("%s: %s, %v", about, got, err)
		}
	}
}

// TestParseTime: a time without a zone is one of this machine, as it is printed.
func TestParseTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	for text, want := range map[string]string{
		"2026-12-01T08:00":          "2026-12-01 08:00 CET",
		"2026-12-01T08:00:00":       "2026-12-01 08:00 CET",
		"2026-12-01T08:00Z":         "2026-12-01 09:00 CET",
		"2026-12-01T08:00+03:00":    "2026-12-01 06:00 CET",
		"2026-12-01T08:00:00-05:00": "2026-12-01 14:00 CET",
		"2026-12-01":                "",
		"08:00":                     "",
		"2026-13-01T08:00":          "",
		"":                          "",
	} {
		at, err := parseTime(text, zone)
		if (err != nil) != (want == "") || err == nil && at.In(zone).Format(withZone) != want {
			t.Errorf("%q is %s, %v; want %q", text, at, err, want)
		}
	}
}

func TestParseFactor(t *testing.T) {
	for text, want := range map[string]float64{
		"3x": 3, "3": 3, "1.1x": 1.1, "50x": 50, "1x": 0, "50.1x": 0, "NaNx": 0, "Infx": 0, "-3x": 0, "x": 0, "": 0, "3xx": 0,
	} {
		if got, err := parseFactor(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
}

// TestStatusListsLevels, and no more than fit on a screen.
func TestStatusListsLevels(t *testing.T) {
	var r Status
	for range mostListed + 2 {
		r.Levels = append(r.Levels, ShopLevel{Shop: "loewen", LevelReport: LevelReport{Level: 2, By: levels.ByWatch, Why: "many strangers"}})
	}
	r.Campaign = &CampaignReport{Until: time.Now().Add(time.Hour)}
	from := time.Now()
	r.Expected = []shield.ShopPeak{{Shop: "sonnen", Peak: levels.Peak{From: from, To: from.Add(time.Hour), Factor: 2.5, Why: "TV"}}}
	var out bytes.Buffer
	printLevels(&out, &r)
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	want := []string{
		"levels   loewen 2 attack by watch: many strangers",
		"         loewen 2 attack by watch: many strangers",
		"         and 2 more: `theriac shield shops`",
		"campaign all shops at level 1 or above until ",
		"expected sonnen 2.5x from " + from.Local().Format(withZone) + " to " + from.Add(time.Hour).Local().Format(withZone) + " (TV)",
	}
	if len(got) != mostListed+3 || got[0] != want[0] || got[1] != want[1] || got[mostListed] != want[2] ||
		!strings.HasPrefix(got[mostListed+1], want[3]) || got[mostListed+2] != want[4] {
		t.Errorf("printed\n%s", out.String())
	}
}
