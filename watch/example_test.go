package watch_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/watch"
)

// A botnet asks a small shop for pages, and for nothing else.
func Example() {
	settings := watch.Defaults()
	baseline := watch.NewBaseline(watch.DefaultPrior())
	now := int64(1_800_000_000)
	usual := baseline.Expected(watch.HourOf(now))

	var shop watch.State
	for range 2 {
		now++
		second := watch.Second{Distinct: 60}
		second.Strangers[watch.Page] = 20
		verdict := shop.Step(now, &second, &usual, &settings)
		baseline.Note(&second, verdict.Level, verdict.Sick, false)
		fmt.Printf("%v, %v: %s\n", verdict.Level, verdict.Why, verdict.Words())
	}
	// Output:
	// 0 calm, calm: 20 strangers/s (page, usual 0.008, allowed 5)
	// 2 attack, strangers_unlike_browsers: 20 strangers/s (page, usual 0.008, allowed 5) from 60 clients, 0 assets a request: unlike browsers, they load no assets
}

// The shops of one tier are watched together: what happens to several may happen to all.
func ExampleCampaign() {
	settings := watch.Defaults()
	var campaign watch.Campaign
	now := int64(1_800_000_000)
	attacked := watch.Verdict{Need: 2, Now: watch.Cause{Why: watch.WhyUnlike, Stream: watch.Search, Onset: now}}
	campaign.Note(now, "loewen", &attacked, &settings)
	campaign.Note(now, "sonnen", &attacked, &settings)
	fmt.Println(campaign.Posture(now).Least)
	campaign.Note(now, "mohren", &attacked, &settings)
	fmt.Println(campaign.Posture(now).Least)
	// Output:
	// 0 calm
	// 1 raised
}
