package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltinScenarios(t *testing.T) {
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s.Name)
		if s.About == "" {
			t.Errorf("%s says nothing about itself", s.Name)
		}
		found, err := Find(s.Name)
		if err != nil || found.Seed != s.Seed {
			t.Errorf("Find(%q): %v, %v", s.Name, found, err)
		}
		if benign := s.Targets.Incidents != nil && *s.Targets.Incidents == 0; benign && (s.Targets.Challenged == nil || s.Targets.LevelMax == nil || *s.Targets.LevelMax > 1) {
			t.Errorf("%s: nobody attacks, so nobody may be challenged", s.Name)
		}
	}
	want := "cart-flood checkout-spam gladius-2016 newsletter nine-shops-2017 ordinary-day packets protocol pulse search-storm slow-ramp solver-bots tv-spot whole-day"
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
	if _, err := Find("gladius"); err == nil || !strings.Contains(err.Error(), `unknown scenario "gladius"`) {
		t.Errorf("a name that is not known: %v", err)
	}
}

// Each mistake is named with its line and with what to write.
func TestParseErrors(t *testing.T) {
	const head = "name: x\nfor: 60s\nshops: [{name: loewen}]\n"
	wave := func(fields string) string {
		return head + "waves:\n  - {name: w, at: 1s, for: 5s, " + fields + "}\n"
	}
	for text, want := range map[string]string{
		"":                               "f.yaml: empty: a scenario has at least name, shops and for; `drill list` shows those that are built in",
		"a: [":                           "f.yaml:1: did not find expected node content",
		head + "---\nname: y\n":          "f.yaml: a second document: write one scenario per file",
		head + "targets: &a {lost: 0}\n": "f.yaml:4: anchors and aliases are not used here: write the value again",
		head + "tempo: fast\n":           `f.yaml:4: unrecognized field "tempo": write one of name, about, seed, for, shops, customers, crowds, waves, chaos, blackhole, targets`,
		head + "seed: many\n":            `f.yaml:4: invalid value "many": write a whole number`,
		head + "waves: {name: w}\n":      `f.yaml:4: invalid value "": write a list, in brackets or with a dash a line`,
		"name: X Y\nfor: 60s\nshops: [{name: loewen}]\n": "f.yaml:1: invalid name \"X Y\": write a-z, 0-9 and dashes, such as search-storm",
		"name: x\nfor: 2h\nshops: [{name: loewen}]\n":    "f.yaml:2: invalid length 2h0m0s: write 1s to 30m0s",
		"name: x\nfor: fast\nshops: [{name: loewen}]\n":  `f.yaml:2: invalid duration "fast": write one such as 500ms, 90s or 5m`,
		"name: x\nfor: 9s\n":                             "f.yaml:1: 0 shops: write 1 to 16, such as {name: loewen, page_time: 20ms, workers: 2}",
		head + "customers: {arrive: 2}\n":                `f.yaml:4: invalid rate "2": write a number and its unit, such as 500/s, 1.5/s or 90/m`,
		head + "customers: {known: 0.5}\n":               `f.yaml:4: invalid share "0.5": write a percentage such as 45%`,
		head + "customers: {arrive: 49/s}\ncrowds: [{name: c, at: 0s, for: 1s, shop: loewen, arrive: 99/s}]\n": `f.yaml:5: crowd "c": write a rate up to 50/s`,
		wave("shop: loewen, vector: xmas, rate: 5/s, from: 1"):                                                 `f.yaml:5: unrecognized vector "xmas": write ` + anyOf(vectors),
		wave("shop: loewen, vector: get, rate: {from: 1/s}, from: 1"):                                          "f.yaml:5: incomplete ramp: write {from: 100/s, to: 3000/s, over: 3s}",
		wave("shop: loewen, vector: get, rate: {from: 1/s, until: 2/s}, from: 1"):                              `f.yaml:5: unrecognized field "until" of a rate: write one of from, to, over`,
		wave("shop: loewn, vector: get, rate: 5/s, from: 1"):                                                   `f.yaml:5: unknown shop "loewn": write loewen`,
		wave("shop: loewen, vector: get, rate: 5/s, from: 10001"):                                              `f.yaml:5: wave "w" from 10001 addresses: write 1 to 10000`,
		wave("shop: loewen, vector: get, rate: 20001/s, from: 1"):                                              `f.yaml:5: wave "w": write a rate of up to 20000/s`,
		wave("shop: loewen, vector: get, rate: 5/s, from: 1, times: 20, every: 5s"):                            "f.yaml:5: it ends at 1m41s, after the drill: write at and for below 1m0s",
		wave("shop: loewen, vector: get, rate: 5/s, from: 1, paths: [search]"):                                 `f.yaml:5: wave "w": invalid path "search": write one that begins with a slash, such as /search?q=tee`,
		wave("vector: get, rate: 5/s, from: 1"):                                                                `f.yaml:5: wave "w": write either shop or shops`,
		wave("shop: loewen, rate: 5/s, from: 1"):                                                               `f.yaml:5: wave "w": missing vector: write ` + anyOf(vectors),
		wave(`shop: loewen, vector: get, rate: 5/s, from: 1, agent: "böt"`):                                    `f.yaml:5: wave "w": write an agent of at most 200 bytes of ASCII`,
		"name: x\nfor: 9s\nshops: [{name: loewen, usual: 99/s}]\n":                                             "f.yaml:3: shop loewen: write a usual rate of at most 50/s",
		wave("shop: loewen, vector: get, rate: 5/s, from: 1, pass: stolen, solve: 50%"):                        `f.yaml:5: wave "w": write either solve or pass`,
		wave("shop: loewen, vector: get, rate: 5/s, from: 1, stamps: new"):                                     `f.yaml:5: unrecognized kind of stamps "new": write old`,
		head + "chaos: [{at: 1s, do: unplug}]\n":                                                               `f.yaml:4: unrecognized chaos "unplug": write stop redis, kill edge, kill leader, reload or stop shops`,
		head + "chaos: [{at: 55s, do: kill edge, for: 10s}]\n":                                                 "f.yaml:4: it ends at 1m5s, after the drill: write at and for below 1m0s",
		head + "targets: {lost: -1}\n":                                                                         "f.yaml:4: invalid target -1: write 0 or more",
		wave("shop: loewen, vector: get, rate: 15000/s, from: 1") + "  - {name: v, at: 2s, for: 5s, shop: loewen, vector: get, rate: 6000/s, from: 1}\n": "f.yaml:4: at 2s all waves together send 21000/s from 2 addresses: write at most 20000/s from 10000",
	} {
		_, err := Parse("f.yaml", []byte(text))
		if wrong, ok := errors.AsType[*Errors](err); !ok || len(wrong.All) == 0 {
			t.Errorf("%q: %v, want %s", text, err, want)
		} else if err.Error() != want {
			t.Errorf("%q:\n got %s\nwant %s", text, err, want)
		}
	}
}

func TestReadNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte("name: mine\nfor: 5s\nshops: [{name: loewen, wrkers: 2}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Find(file)
	want := file + `:3: unrecognized field "wrkers": write one of name, page_time, page_cost, workers, queue, patience, usual, connections`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The same seed gives the same schedule, another one another, and a crowd more
// leaves the other customers as they were.
func TestScheduleFollowsTheSeed(t *testing.T) {
	for _, name := range []string{"gladius-2016", "newsletter", "ordinary-day"} {
		a, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Find(name)
		if diff := cmp.Diff(a.Schedule(), b.Schedule()); diff != "" {
			t.Errorf("%s: twice the same seed: %s", name, diff)
		}
		b.Seed++
		if cmp.Equal(a.Schedule().Visits, b.Schedule().Visits) {
			t.Errorf("%s: another seed gives the same visits", name)
		}
		before := a.Schedule().Visits
		a.Crowds = append(a.Crowds, Crowd{Name: "more", At: Span(time.Second), For: Span(5 * time.Second), Shop: "loewen", Arrive: Profile{To: 5}})
		var after []Visit
		for _, v := range a.Schedule().Visits {
			if v.Crowd != "more" {
				after = append(after, v)
			}
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: another crowd changes the customers: %s", name, diff)
		}
	}
}

// Arrivals have the rates that the scenario says: the mean of a Poisson process, ramps
// included, within four standard deviations.
func TestArrivals(t *testing.T) {
	s := defaults()
	s.Shops = []Shop{{Name: "loewen"}}
	s.For = Span(10 * time.Minute)
	s.Customers.Arrive = 4
	s.Crowds = []Crowd{{Name: "c", At: Span(time.Minute), For: Span(200 * time.Second), Shop: "loewen", Arrive: Profile{From: 0, To: 20, Over: Span(200 * time.Second)}}}
	usual, crowd, late := 0, 0, 0
	for _, v := range s.Schedule().Visits {
		switch {
		case v.Crowd == "":
			usual++
		case v.At < time.Minute || v.At > 260*time.Second:
			t.Fatalf("a visit of the crowd at %s", v.At)
		default:
			crowd++
			if v.At > 160*time.Second {
				late++ // in the second half, which has three quarters
			}
		}
	}
	for about, c := range map[string][3]int{"usual": {usual, 2400, 200}, "crowd": {crowd, 2000, 180}, "second half": {late, 1500, 155}} {
		if c[0] < c[1]-c[2] || c[0] > c[1]+c[2] {
			t.Errorf("%s: %d visits, want about %d", about, c[0], c[1])
		}
	}
}

func TestPulsesAndBlackholes(t *testing.T) {
	s, err := Parse("f.yaml", []byte(`
name: x
for: 60s
shops: [{name: loewen}, {name: sonnen}]
waves:
  - {name: long, at: 30s, for: 20s, shop: loewen, vector: get, rate: 500/s, from: 10}
  - {name: pulse, at: 2s, for: 4s, times: 3, every: 8s, shop: sonnen, vector: get, rate: 500/s, from: 10}
  - {name: small, at: 0s, for: 60s, shop: sonnen, vector: get, rate: 20/s, from: 10}
blackhole: {above: 200/s, after: 5s, hold: 8s}
`))
	if err != nil {
		t.Fatal(err)
	}
	var begins []string
	for _, p := range s.Schedule().Pulses {
		begins = append(begins, p.Name+" "+p.At.String())
	}
	if diff := cmp.Diff([]string{"small 0s", "pulse 2s", "pulse 10s", "pulse 18s", "long 30s"}, begins); diff != "" {
		t.Error(diff)
	}
	// Seen after 5 s; when the hold ends at 43 s the attack goes on and is seen again.
	want := []Window{{35 * time.Second, 43 * time.Second}, {48 * time.Second, 56 * time.Second}}
	if diff := cmp.Diff(want, s.Blackholes("loewen")); diff != "" {
		t.Error(diff)
	}
	if got := s.Blackholes("sonnen"); got != nil {
		t.Errorf("pulses of 4 s and a trickle are null-routed: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	entries, err := builtin.ReadDir("scenarios")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		raw, err := builtin.ReadFile("scenarios/" + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("name: x\nfor: 9s\nshops: [{name: a}]\nchaos: [{at: 1s, do: reload}]\nblackhole: {above: 1/s, hold: 0s}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse("f.yaml", raw)
		if err != nil {
			if wrong, ok := errors.AsType[*Errors](err); !ok || len(wrong.All) == 0 {
				t.Fatalf("an error without lines: %v", err)
			}
			return
		}
		all := s.Schedule()
		if len(all.Visits) > 2*maxVisits*(len(s.Shops)+len(s.Crowds)) || len(all.Pulses) > maxWaves {
			t.Fatalf("%d visits, %d waves", len(all.Visits), len(all.Pulses))
		}
		for _, v := range all.Visits {
			if v.At < 0 || v.At >= all.Length {
				t.Fatalf("a visit at %s of %s", v.At, all.Length)
			}
		}
		for _, p := range s.Shops {
			for _, w := range s.Blackholes(p.Name) {
				if w.To < w.From {
					t.Fatalf("a black hole from %s to %s", w.From, w.To)
				}
			}
		}
	})
}
