package shieldctl

import (
	"bytes"
	"testing"

	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/shop"
)

// attacked and calm are shops as the watch sees them.
var (
	attacked = WatchedShop{
		View: watching.View{
			Shop: "loewen", Level: shop.Attack, Words: "2,140 strangers/s", Strangers: 2140.4, Stream: "page", Usual: 0.06,
			Allowance: 5, Sum: 60, Threshold: 30, Clients: 1130, Suffers: true, Borne: 12, Waiting: 1, Announced: 3, Hours: 1,
		},
		InForce: LevelReport{Level: shop.Attack, By: levels.ByWatch, Watched: shop.Attack},
	}
	calm = WatchedShop{View: watching.View{
		Shop: "sonnen", Shadow: true, Words: "0 strangers/s", Stream: "search", Allowance: 2.5, Threshold: 30, Announced: 1, Hours: 168, Waiting: 2,
	}}
)

func TestPrintWatch(t *testing.T) {
	var out bytes.Buffer
	printWatch(&out, WatchReport{watching.Status{Role: "leading", Edges: []string{"fra-1", "fra-2"}}, []WatchedShop{attacked, calm}})
	const want = `this edge leads the watch; edges that report: fra-1, fra-2
SHOP    LEVEL     WATCH SAYS       STRANGERS/S  USUAL  ALLOWED  EXCESS  ALARM AT  HEALTH
loewen  2 attack  2 attack         2,140 page   0.06   5        60      30        suffers
sonnen  0 calm    0 calm (shadow)  0 search     0      2.5      0       30        well
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPrintWatched(t *testing.T) {
	for want, r := range map[string]WatchReport{
		`fra-2 leads the watch, this edge follows; edges that report: fra-1
shop        loewen
level       2 attack by watch
watch says  2 attack
sees        2,140 strangers/s
strangers   2,140/s (page), usual 0.06/s, allowed 5/s
excess      60 requests above the allowance; level 1 from 30 on
clients     1,130 without time stamp or pass in ten seconds
health      suffers; 1 request waiting; has borne 12/s
announced   3x the usual
baseline    learned from 1 hour
`: {watching.Status{Role: "following", Leader: "fra-2", Edges: []string{"fra-1"}}, []WatchedShop{attacked}},
		`no edge leads the watch yet; edges that report: none
shop        sonnen
level       0 calm
watch says  0 calm (shadow)
sees        0 strangers/s
strangers   0/s (search), usual 0/s, allowed 2.5/s
excess      0 requests above the allowance; level 1 from 30 on
clients     0 without time stamp or pass in ten seconds
health      well; 2 requests waiting; has borne 0/s
announced   nothing
baseline    learned from 168 hours
`: {watching.Status{Role: "following"}, []WatchedShop{calm}},
		"this edge has lost the store, and watches alone; edges that report: fra-1\n": {watching.Status{Role: "alone", Edges: []string{"fra-1"}}, nil},
	} {
		var out bytes.Buffer
		printWatched(&out, r)
		if got := out.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
