//go:build !race

package watch_test

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestFaults: each signal is needed. Without it the figures fall, so that these tests would see
// it if the rule lost one.
func TestFaults(t *testing.T) {
	need.Time(t)
	t.Parallel()
	const shops, days = 4, 4
	// on returns how long the rule takes to detect this attack in the median, and how often it
	// never does.
	on := func(name string, f fault) (seconds float64, unseen int) {
		for _, kinds := range [][]attack{bareFloods, smallFloods, imitators} {
			for i := range kinds {
				if kinds[i].name == name {
					r := tryAttacks(kinds[i:i+1], shops, days, 1, func(l *loop) { l.fault, l.pictures = f, 1 })[0]
					return quantile(r.detected, .5), r.unseen
				}
			}
		}
		t.Fatalf("no attack is called %q", name)
		return 0, 0
	}
	const guessing, old = "log-in guessing 5/s of 2,000", "old stamps, 60/s of 500"
	if with, _ := on(guessing, ""); with > 20 {
		t.Errorf("%s is detected after %v s", guessing, with)
	}
	if blind, _ := on(guessing, noAssets); blind < 25 {
		t.Errorf("%s is detected after %v s without the assets", guessing, blind)
	}
	if _, unseen := on(old, ""); unseen > 1 {
		t.Errorf("%s is not detected at %d of %d shops", old, unseen, shops)
	}
	if _, unseen := on(old, noHealth); unseen < shops {
		t.Errorf("%s is detected at %d of %d shops without health", old, shops-unseen, shops)
	}
	rises := 0.0
	for _, a := range sideBySide(shops, func(i int) *tally { return live(i, sizes()[i], learned+7, true, noBreadth) }) {
		rises += a.two[crawler]
	}
	if rises == 0 {
		t.Error("crawlers do not lead to level 2 without the breadth")
	}
}
