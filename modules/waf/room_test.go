package waf

import (
	"strings"
	"sync"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// TestExclusionsAreNotMixedUp: with as many targets as checkRoom accepts, no request is
// inspected with the exclusions of another, and the race detector finds nothing.
func TestExclusionsAreNotMixedUp(t *testing.T) {
	for _, left := range []string{"", "|!ARGS:a", "|!ARGS:a|!ARGS:b", "|!ARGS:a|!ARGS:b|!ARGS:c|!ARGS:c"} {
		rules := leavingOut(t, left)
		if err := checkRoom(rules); err != nil {
			t.Errorf("%s: %v", left, err)
		}
		if missed := missedByTwo(rules); missed > 0 {
			t.Errorf("%s: %d requests were inspected with the exclusions of another", left, missed)
		}
	}
}

// leavingOut makes an engine of one rule that leaves out these targets.
func leavingOut(t *testing.T, targets string) coraza.WAF {
	t.Helper()
	rules, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives("SecRuleEngine On\nSecRule ARGS" + targets + ` "@contains attack" "id:1,phase:2,deny"`))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// missedByTwo has two requests inspected at a time. Each excludes the field in which the
// other has an attack.
func missedByTwo(rules coraza.WAF) int {
	var missed [2]int
	var both sync.WaitGroup
	for i, fields := range [][2]string{{"x", "y"}, {"y", "x"}} {
		both.Go(func() {
			for range 5000 {
				tx := rules.NewTransaction().(transaction)
				tx.RemoveRuleTargetByID(1, variables.Args, fields[0], nil)
				for range 20 {
					tx.Variables().ArgsPost().Add("z", "ok")
				}
				tx.Variables().ArgsPost().Add(fields[1], "attack")
				tx.ProcessRequestHeaders()
				if it, _ := tx.ProcessRequestBody(); it == nil {
					missed[i]++
				}
				_ = tx.Close()
			}
		})
	}
	both.Wait()
	return missed[0] + missed[1]
}

// TestRoomIsNamed: an operator whose rules leave out three targets is told which rule, and
// what to do.
func TestRoomIsNamed(t *testing.T) {
	_, _, err := engineOf("SecRule ARGS|!ARGS:a|!ARGS:b|!ARGS:c \"@contains x\" \"id:4711,phase:2,pass,chain\"\nSecRule REQUEST_METHOD \"@streq POST\"\n")
	if err == nil || !strings.Contains(err.Error(), "rule 4711 leaves out 3 targets") || !strings.Contains(err.Error(), "until there are 4") {
		t.Errorf("got %v", err)
	}
}
