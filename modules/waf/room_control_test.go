//go:build !race

package waf

import "testing"

// TestExclusionsWithRoomAreMixedUp is the control, which the race detector would report: with
// three targets, which checkRoom refuses, requests are inspected with the exclusions of others.
func TestExclusionsWithRoomAreMixedUp(t *testing.T) {
	rules := leavingOut(t, "|!ARGS:a|!ARGS:b|!ARGS:c")
	if checkRoom(rules) == nil {
		t.Error("three targets are accepted")
	}
	for range 50 {
		if missedByTwo(rules) > 0 {
			return
		}
	}
	t.Error("no exclusions are mixed up: Coraza has been mended, and checkRoom can go")
}
