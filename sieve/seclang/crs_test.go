package seclang_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

// TestCoreRuleSet reads all of it. A release that changes these numbers has something new
// in it, which somebody should look at.
func TestCoreRuleSet(t *testing.T) {
	program, err := seclang.Read(coreruleset.FS, "Include @owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]int)
	for _, rule := range program.Rules {
		if rule.Marker != "" {
			kinds["marker"]++
			continue
		}
		kinds[fmt.Sprintf("phase %d", rule.Phase)]++
		switch {
		case len(rule.Links[0].Targets) == 0:
			kinds["action"]++
		case len(rule.Links) > 1:
			kinds["chain"]++
		default:
			kinds["single"]++
		}
		for _, link := range rule.Links {
			kinds["@"+link.Operator]++
		}
	}
	var counts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		counts = append(counts, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	got := strings.Join(counts, " ")
	want := "7 @ 1 @beginswith 4 @contains 2 @detectsqli 2 @detectxss 6 @endswith 53 @eq 42 @ge 15 @gt 2 @ipmatch 190 @lt 12 @pm " +
		"21 @pmfromfile 315 @rx 7 @streq 1 @unconditionalmatch 6 @validatebyterange 1 @validateurlencoding 1 @validateutf8encoding " +
		"9 @within 7 action 54 chain 30 marker 172 phase 1 288 phase 2 43 phase 3 109 phase 4 13 phase 5 564 single"
	if got != want || len(program.Unknown) > 0 {
		t.Errorf("got %s, unknown %v; want %s", got, program.Unknown, want)
	}
}
