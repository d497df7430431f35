package shop

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
)

// TestMeasuresTighten: no level allows more than the one below it.
func TestMeasuresTighten(t *testing.T) {
	perHour := func(a Allowance) float64 { return float64(a.Rate.Events) / a.Rate.Per.Hours() }
	for l := 1; l < Levels; l++ {
		is, was := DefaultMeasures[l], DefaultMeasures[l-1]
		if text := is.Stranger.String(); text != is.Stranger.Rate.String()+" "+strconv.FormatInt(is.Stranger.Burst, 10) {
			t.Errorf("level %d: %q is not how an allowance is configured", l, text)
		}
		for what, pair := range map[string][2]float64{
			"suspicious": {float64(is.Suspicious), float64(was.Suspicious)},
			"stranger":   {perHour(is.Stranger), perHour(was.Stranger)},
			"burst":      {float64(is.Stranger.Burst), float64(was.Stranger.Burst)},
			"search":     {perHour(is.Search), perHour(was.Search)},
			"account":    {perHour(is.Account), perHour(was.Account)},
			"ban_after":  {float64(is.BanAfter), float64(was.BanAfter)},
			"subnet":     {float64(is.Subnet), float64(was.Subnet)},
			"crawlers":   {float64(is.Crawlers), float64(was.Crawlers)},
			"firewall":   {float64(is.Firewall), float64(was.Firewall)},
			"gate":       {float64(is.Gate), float64(was.Gate)},
		} {
			if pair[0] > pair[1] || pair[0] == 0 {
				t.Errorf("level %d: %s is %v after %v", l, what, pair[0], pair[1])
			}
		}
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		p       Percent
		of, got int64
	}{{50, 200, 100}, {12, 200, 24}, {5, 10, 1}, {100, 7, 7}, {0, 9, 1}, {50, 0, 0}, {25, math.MaxInt64, math.MaxInt64 / 100 * 25}} {
		if got := c.p.Of(c.of); got < c.got || got > c.got+1 {
			t.Errorf("%v of %d is %d, want %d", c.p, c.of, got, c.got)
		}
	}
	for _, text := range []string{"", "%", "101%", "-1%", "50", "0.5", "1e1%", "300%"} {
		if p, err := ParsePercent(text); err == nil {
			t.Errorf("%q is %v, want an error", text, p)
		}
	}
	var back Percent
	raw, err := json.Marshal(Percent(25))
	if err != nil || string(raw) != `"25%"` || json.Unmarshal(raw, &back) != nil || back != 25 {
		t.Errorf("25 %% is %s, and back %v", raw, back)
	}
}
