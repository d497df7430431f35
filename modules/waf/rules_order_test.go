package waf

import (
	"fmt"
	"strings"
	"testing"
)

// orderedRules are those of the Core Rule Set that compare what the last of several matches
// captured. Ours compare each value by itself.
var orderedRules = []texts{
	{
		931130,
		[]string{"https://elsewhere.example/x", "form: a=https://shop.example/&b=ftp://elsewhere.example/x", "HTTPS://ELSEWHERE.EXAMPLE", "url:file://elsewhere.example", "form: a=//x&b=http://user@elsewhere.example/"},
		[]string{"https://shop.example/cart", "https://www.shop.example/", "form: a=https://shop.example/x&b=https://SHOP.example/y", "/cart", "Preis: 3 / 4"},
	},
	{
		942130,
		[]string{"x' or 1=1", "form: a=x' or 1=1&b=x=y", "' or 'a' like 'a", "form: b=x=y&a=(1)=(1)", "x' sounds like x", "1 RLIKE 1"},
		[]string{"x=y", "form: a=x=y&b=y=z&c=z=1", "a like b", "1=2"},
	},
	{
		942131,
		[]string{"1 or 2>1", "form: a=1<2&b=x!<x", "form: a=x!<x&b=1<2", "a is not b", "1 not like 2", "1<=2"},
		[]string{"x!<x", "form: a=1<1&b=2>2", "x is not x"},
	},
	{
		942521,
		[]string{"admin' or 1", `admin" and 1`, "a` or 1", `form: a=admin' or&b=it's ok&c=that's it`, "x' 'y' or 1", "name'and"},
		[]string{"it's ok", "it's 'gut' oder", `form: a="x"&b=that's it&c=5" pan`, "or", "'a' or", "name' order"},
	},
}

// strictBench runs all rules of the Core Rule Set.
func strictBench(t *testing.T) (b, stock *bench) {
	t.Helper()
	b = newBench(t)
	h := &Handler{Bare: true, Paranoia: 4, engine: b.engine}
	h.fillDefaults()
	if err := h.tune(); err != nil {
		t.Fatal(err)
	}
	b.bare = h.steps
	return b, stockBench(t, b)
}

// TestOrderedRules: each attack sets off the rule, whatever stands beside it, and no harmless
// value does. The rules that are replaced do so at one time and not at another.
func TestOrderedRules(t *testing.T) {
	t.Parallel()
	b, stock := strictBench(t)
	lots := 0
	for _, set := range orderedRules {
		fires := func(b *bench, text string) bool {
			_, fired := b.refuses(shot(t, text), nil)
			return firedRule(fired, set.rule)
		}
		for _, attack := range set.attacks {
			before := 0
			for range 20 {
				if !fires(b, attack) {
					t.Errorf("%d: %s: the rule did not fire", set.rule, attack)
				}
				if fires(stock, attack) {
					before++
				}
			}
			if 0 < before && before < 20 {
				lots++
			}
		}
		for _, value := range set.harmless {
			if fires(b, value) {
				t.Errorf("%d: %s: the rule fired", set.rule, value)
			}
		}
	}
	if lots == 0 {
		t.Error("the rules of the Core Rule Set have one verdict: rules/order.conf is not needed")
	}
}

// TestOrderedRulesKeepTheSuite: with one value they do what the rules do that they replace.
func TestOrderedRulesKeepTheSuite(t *testing.T) {
	t.Parallel()
	b, stock := strictBench(t)
	for _, set := range orderedRules {
		fired := 0
		for name, s := range suiteOf(t, set.rule) {
			_, before := stock.refuses(s, nil)
			_, after := b.refuses(s, nil)
			if was := firedRule(before, set.rule); was != firedRule(after, set.rule) {
				t.Errorf("%s: fired %t before", name, was)
			} else if was {
				fired++
			}
		}
		if fired == 0 {
			t.Errorf("%d: no test of the suite sets it off", set.rule)
		}
	}
}

// TestOrderedRulesAtParanoia1: they do not run, as those that they replace do not.
func TestOrderedRulesAtParanoia1(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, set := range orderedRules {
		for _, attack := range set.attacks {
			if _, fired := b.refuses(shot(t, attack), nil); firedRule(fired, set.rule) {
				t.Errorf("%d: %s: the rule fired", set.rule, attack)
			}
		}
	}
}

// TestPairs: what is not an operator's argument is an error that names it.
func TestPairs(t *testing.T) {
	for argument, want := range map[string]string{
		"equal (a)(b)": "want same or differ", "same (a)": "two groups", "differ (a)(b": "missing closing",
	} {
		_, err := newEngine(fmt.Sprintf("SecRule ARGS \"@rxPair %s\" \"id:1,phase:2,pass\"\n", argument))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", argument, err, want)
		}
	}
}
