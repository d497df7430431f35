package levels

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// TestResolve: an exact pin holds whatever else is said; otherwise the highest holds.
func TestResolve(t *testing.T) {
	began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	watched := func(level shop.Level, minute int) *Watched {
		return &Watched{Level: level, Since: at(minute), until: at(90)}
	}
	exact := func(level shop.Level, minute int) *Pin {
		return &Pin{Level: level, Since: at(minute), told: at(minute), Until: at(240)}
	}
	least := func(level shop.Level, minute int) *Pin {
		pin := exact(level, minute)
		pin.AtLeast = true
		return pin
	}
	campaign := &Campaign{Until: at(72 * 60)}
	for about, c := range map[string]struct {
		sources  sources
		campaign *Campaign
		level    shop.Level
		by       Source
		since    int // minutes; -1: zero
		until    time.Time
	}{
		"nothing is said":                          {sources{}, nil, 0, Nobody, -1, time.Time{}},
		"the watch alone":                          {sources{watched: watched(2, 5)}, nil, 2, ByWatch, 5, at(90)},
		"an exact pin alone":                       {sources{pin: exact(3, 7)}, nil, 3, ByPeople, 7, at(240)},
		"an exact pin below the watch":             {sources{watched: watched(3, 5), pin: exact(1, 7)}, nil, 1, ByPeople, -1, at(240)},
		"an exact pin at calm":                     {sources{watched: watched(4, 5), pin: exact(0, 7)}, campaign, 0, ByPeople, -1, at(240)},
		"an exact pin above the watch":             {sources{watched: watched(2, 5), pin: exact(4, 7)}, nil, 4, ByPeople, 5, at(240)},
		"at least, below the watch":                {sources{watched: watched(3, 5), pin: least(2, 7)}, nil, 3, ByWatch, 5, at(90)},
		"at least, above the watch":                {sources{watched: watched(1, 5), pin: least(2, 7)}, nil, 2, ByPeople, 7, at(240)},
		"at least as high as the watch":            {sources{watched: watched(2, 9), pin: least(2, 7)}, nil, 2, ByWatch, 7, at(90)},
		"a campaign alone":                         {sources{}, campaign, 1, ByCampaign, -1, campaign.Until},
		"a campaign below the watch":               {sources{watched: watched(2, 5)}, campaign, 2, ByWatch, 5, at(90)},
		"a campaign above at least 0 of the watch": {sources{watched: watched(0, 5)}, campaign, 1, ByCampaign, -1, campaign.Until},
		"an older pin alone":                       {sources{older: exact(2, 3)}, nil, 2, ByPeople, 3, at(240)},
		"an older pin, then a pin":                 {sources{older: exact(2, 3), pin: exact(0, 7)}, nil, 0, ByPeople, -1, at(240)},
		"a pin, then an older pin":                 {sources{older: exact(3, 9), pin: exact(0, 7)}, nil, 3, ByPeople, 9, at(240)},
		"an older pin, then at least":              {sources{older: exact(3, 3), pin: least(1, 7)}, nil, 1, ByPeople, -1, at(240)},
	} {
		is := c.sources.resolve(c.campaign)
		since := time.Time{}
		if c.since >= 0 {
			since = at(c.since)
		}
		if is.Level != c.level || is.By != c.by || !is.Since.Equal(since) || !is.Until.Equal(c.until) {
			t.Errorf("%s: level %s by %q since %s until %s; want %s by %q since %s until %s",
				about, is.Level, is.By, is.Since, is.Until, c.level, c.by, since, c.until)
		}
		if want := c.sources.watched; want != nil && is.Watched != want.Level {
			t.Errorf("%s: the watch has decided %s, want %s", about, is.Watched, want.Level)
		}
	}
}
