package shieldctl

import (
	"fmt"
	"io"
	"time"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// LevelReport is the level of a shop, and where it comes from.
type LevelReport struct {
	Level   shop.Level    `json:"level"`
	By      levels.Source `json:"by,omitempty"`   // absent: nobody, so it is 0
	Until   time.Time     `json:"until,omitzero"` // when By ends, unless it is set again
	Why     string        `json:"why,omitempty"`
	Watched shop.Level    `json:"watched"`       // what the edges have decided themselves
	Pin     *PinReport    `json:"pin,omitempty"` // what people have set; absent: nothing
}

// PinReport is a level that people have set.
type PinReport struct {
	levels.Pin
	Until time.Time `json:"until,omitzero"` // absent: when somebody ends it
}

func levelOf(app *shield.App, s *shield.Shop) LevelReport {
	is := s.Level()
	report := LevelReport{Level: is.Level, By: is.By, Until: is.Until, Watched: is.Watched, Why: app.WhyLevel(s.ID, is)}
	if is.Pin != nil {
		report.Pin = &PinReport{Pin: *is.Pin, Until: is.Pin.Until}
	}
	return report
}

// String is the level as operators read it in a table: what the watch sets has no end that
// would be worth telling, since it is set again each minute.
func (r *LevelReport) String() string {
	text := r.Level.String()
	if r.By != levels.Nobody {
		text += " by " + string(r.By)
	}
	if r.By != levels.ByWatch && !r.Until.IsZero() {
		text += " until " + formatEnd(r.Until)
	}
	switch {
	case r.Pin == nil:
	case r.Pin.AtLeast && r.By != levels.ByPeople:
		text += fmt.Sprintf(", at least %d", r.Pin.Level)
	case !r.Pin.AtLeast && r.Watched > r.Level:
		text += fmt.Sprintf(", watch: %d", r.Watched)
	}
	return text
}

// formatEnd is the time of an end, with its day unless that is near.
func formatEnd(at time.Time) string {
	if time.Until(at) > 12*time.Hour {
		return at.Local().Format(time.DateTime)
	}
	return at.Local().Format(time.TimeOnly)
}

// ShopLevel is the level of one shop that is not left at 0.
type ShopLevel struct {
	Shop shop.ID `json:"shop"`
	LevelReport
}

// CampaignReport is a campaign that holds.
type CampaignReport struct {
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until"`
}

// levelsOf returns what is not as if nothing were said: shops that are not left at 0, the
// campaign, and peaks.
func levelsOf(app *shield.App) (shops []ShopLevel, campaign *CampaignReport, peaks []shield.ShopPeak) {
	shops = []ShopLevel{}
	for _, s := range app.Shops() {
		if report := levelOf(app, s); report.By != levels.Nobody || report.Pin != nil {
			shops = append(shops, ShopLevel{Shop: s.ID, LevelReport: report})
		}
	}
	if c := app.Campaign(); c != nil {
		campaign = &CampaignReport{Why: c.Why, Until: c.Until}
	}
	return shops, campaign, app.Peaks()
}

// mostListed bounds how many lines of a kind the status has.
const mostListed = 10

// printLevels prints what levelsOf has returned.
func printLevels(out io.Writer, r *Status) {
	label := "levels"
	for i, s := range r.Levels {
		if i == mostListed {
			fmt.Fprintf(out, "         and %d more: `theriac shield shops`\n", len(r.Levels)-i)
			break
		}
		why := ""
		if s.Why != "" {
			why = ": " + s.Why
		}
		fmt.Fprintf(out, "%-8s %s %s%s\n", label, s.Shop, s.String(), why)
		label = ""
	}
	if c := r.Campaign; c != nil {
		fmt.Fprintf(out, "campaign all shops at level 1 or above until %s", formatEnd(c.Until))
		if c.Why != "" {
			fmt.Fprint(out, ": "+c.Why)
		}
		fmt.Fprintln(out)
	}
	label = "expected"
	for i := range r.Expected {
		if i == mostListed {
			fmt.Fprintf(out, "         and %d more: `theriac shield status --json`\n", len(r.Expected)-i)
			break
		}
		fmt.Fprintf(out, "%-8s %s\n", label, formatPeak(&r.Expected[i]))
		label = ""
	}
}
