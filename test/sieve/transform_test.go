package sieve

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/sieve/transform"
)

// transforms are Coraza with one transformation each, with and without multiMatch.
type transforms struct {
	names         []string
	plain, multis map[string]*oneRule
}

func newTransforms(t testing.TB) *transforms {
	all := &transforms{transform.Names(), make(map[string]*oneRule), make(map[string]*oneRule)}
	slices.Sort(all.names)
	for _, name := range all.names {
		rule := `SecRule ARGS_GET "@unconditionalMatch" "id:1,phase:1,pass,log,t:none,t:` + name
		all.plain[name] = newOneRule(t, rule+`"`)
		all.multis[name] = newOneRule(t, rule+`,multiMatch"`)
	}
	return all
}

// check compares one transformation of one value with Coraza's.
func (all *transforms) check(t *testing.T, name, value string) {
	t.Helper()
	apply, _ := transform.Of(name)
	result, changed := apply(value)
	if want := all.plain[name].matches(value); !slices.Equal(want, []string{result}) {
		t.Fatalf("%s of %q: got %q, Coraza has %q", name, value, result, want)
	}
	got := []string{value}
	if changed {
		got = append(got, result)
	}
	// Coraza sees a change where there is none in some places; that adds nothing.
	if want := all.multis[name].matches(value); !slices.Equal(slices.Compact(want), slices.Compact(got)) {
		t.Fatalf("%s of %q with multiMatch: got %q, Coraza has %q", name, value, got, want)
	}
	acts, isAlways := transform.Acts(name)
	if !isAlways && acts.Index(value) < 0 && result != value {
		t.Fatalf("%s changes %q, which has none of its bytes", name, value)
	}
}

func TestTransformsAsCoraza(t *testing.T) {
	all := newTransforms(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range all.names {
		for _, value := range odd {
			all.check(t, name, value)
		}
		for range 250 {
			all.check(t, name, text(random))
		}
	}
}

// TestTransformsDiffer is the control: the comparison sees one byte.
func TestTransformsDiffer(t *testing.T) {
	engine := newOneRule(t, `SecRule ARGS_GET "@unconditionalMatch" "id:1,phase:1,pass,log,t:none,t:urlDecodeUni"`)
	plus, _ := transform.Of("cmdline")
	got, _ := plus("a+b")
	if cmp.Equal(engine.matches("a+b"), []string{got}) {
		t.Error("two transformations look alike")
	}
}

// TestTransformsKeep: what stays as it is costs no memory.
func TestTransformsKeep(t *testing.T) {
	for _, name := range transform.Names() {
		acts, isAlways := transform.Acts(name)
		if isAlways {
			continue
		}
		value := []byte("Bestellung 4711 für Löwen/Apotheke, bitte; (schnell) & gut <b> 50% C:\\x ..#")
		value = slices.DeleteFunc(value, acts.Has)
		text, apply := string(value), transform.Func(nil)
		apply, _ = transform.Of(name)
		if n := testing.AllocsPerRun(10, func() { apply(text) }); n > 0 {
			t.Errorf("%s of %q allocates %v times", name, text, n)
		}
	}
}

func FuzzTransforms(f *testing.F) {
	all := newTransforms(f)
	for _, value := range odd {
		f.Add(value + odd[len(value)%len(odd)])
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range all.names {
			all.check(t, name, value)
		}
	})
}
