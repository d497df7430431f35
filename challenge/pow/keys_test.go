package pow

import (
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// keysOf makes keys of a secret that is long enough.
func keysOf(t testing.TB, secret string) *Keys {
	t.Helper()
	k, err := NewKeys([]byte(secret + ", of which nobody knows"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestShortSecretsAreRefused(t *testing.T) {
	for length, ok := range map[int]bool{0: false, MinSecret - 1: false, MinSecret: true, 100: true} {
		if _, err := NewKeys(make([]byte, length)); (err == nil) != ok {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

func TestKeysStayWhenTheCallerReusesTheSecret(t *testing.T) {
	secret := counting(MinSecret)
	k, err := NewKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	s := stamp()
	text := string(k.AppendStamp(nil, &s, noon))
	clear(secret)
	if _, err := k.OpenStamp(text, noon.Add(60*day)); err != nil {
		t.Error(err)
	}
}

func TestKeysChangeWithTheDay(t *testing.T) {
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	berlin := time.FixedZone("CET", 3600)
	for _, c := range []struct {
		says         string
		made, opened time.Time
		want         error
	}{
		{"the same second", noon, noon, nil},
		{"the last second of the day, at midnight", midnight.Add(-time.Second), midnight, nil},
		{"midnight, by a clock that is a second behind", midnight, midnight.Add(-time.Second), nil},
		{"a whole day later", noon, noon.Add(day), nil},
		{"the last second of the next day", midnight, midnight.Add(2*day - time.Second), nil},
		{"two days later", midnight, midnight.Add(2 * day), ErrForged},
		{"the last second, two midnights later", midnight.Add(-time.Second), midnight.Add(day), ErrForged},
		{"a year later", noon, noon.AddDate(1, 0, 0), ErrForged},
		{"256 days later, when the key's id is the same", noon, noon.Add(256 * day), ErrForged},
		{"two days before", noon, noon.Add(-2 * day), ErrForged},
		{"another time zone's midnight", midnight.Add(-2 * time.Hour).In(berlin), midnight.Add(-30 * time.Minute).In(berlin), nil},
		{"the day on which the key's ID wraps around", time.Unix(20735*86400, 0), time.Unix(20736*86400, 0), nil},
	} {
		k := keysOf(t, "secret")
		challenge, pass := challenge(), pass()
		challenge.Expires, pass.Expires, pass.Issued = noon.AddDate(9, 0, 0), noon.AddDate(9, 0, 0), c.opened
		work, cookie := string(k.AppendChallenge(nil, &challenge, c.made)), string(k.AppendPass(nil, &pass, c.made))
		if _, _, got := k.OpenChallenge(work, c.opened); got != c.want {
			t.Errorf("%s: the challenge: %v, want %v", c.says, got, c.want)
		}
		if _, got := k.OpenPass(cookie, c.opened); got != c.want {
			t.Errorf("%s: the pass: %v, want %v", c.says, got, c.want)
		}
	}
}

func TestAnotherEdgeWithTheSameSecretMakesTheSameKeys(t *testing.T) {
	p := pass()
	text := string(keysOf(t, "secret").AppendPass(nil, &p, noon))
	if _, err := keysOf(t, "secret").OpenPass(text, noon); err != nil {
		t.Errorf("the same secret: %v", err)
	}
	if _, err := keysOf(t, "another secret").OpenPass(text, noon); err != ErrForged {
		t.Errorf("another secret: %v, want %v", err, ErrForged)
	}
}

// TestKeysServeManyAtMidnight lets requests of both days change the cached
// keys under each other; the race detector watches.
func TestKeysServeManyAtMidnight(t *testing.T) {
	k, midnight := keysOf(t, "secret"), noon.Add(12*time.Hour)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 200 {
				made, opened := midnight.Add(-time.Second), midnight
				if (worker+i)%2 == 0 {
					made, opened = opened, made
				}
				p := pass()
				p.Issued, p.Expires = made, made.Add(time.Hour)
				if got, err := k.OpenPass(string(k.AppendPass(nil, &p, made)), opened); err != nil || got != p {
					t.Errorf("opened %+v, %v; want %+v", got, err, p)
				}
			}
		})
	}
	all.Wait()
}

func TestBindings(t *testing.T) {
	k, long := keysOf(t, "secret"), strings.Repeat("a", maxAgent)
	for _, c := range []struct {
		says string
		a, b uint64
		same bool
	}{
		{"one visitor", k.Binding("loewen", "Mozilla"), k.Binding("loewen", "Mozilla"), true},
		{"at another edge", k.Binding("loewen", "Mozilla"), keysOf(t, "secret").Binding("loewen", "Mozilla"), true},
		{"under another secret", k.Binding("loewen", "Mozilla"), keysOf(t, "another").Binding("loewen", "Mozilla"), false},
		{"at another shop", k.Binding("loewen", "Mozilla"), k.Binding("adler", "Mozilla"), false},
		{"another browser", k.Binding("loewen", "Mozilla"), k.Binding("loewen", "curl"), false},
		{"a letter that moves from one to the other", k.Binding("loewenM", "ozilla"), k.Binding("loewen", "Mozilla"), false},
		{"none against an empty shop", k.Binding("loewen", ""), k.Binding("", "loewen"), false},
		{"the last letter that counts", k.Binding("loewen", long), k.Binding("loewen", long[1:]+"b"), false},
		{"a letter beyond", k.Binding("loewen", long+"a"), k.Binding("loewen", long+"b"), true},
	} {
		if got := c.a == c.b; got != c.same {
			t.Errorf("%s: same binding is %v, want %v", c.says, got, c.same)
		}
	}
}

func TestTokensAllocateNothing(t *testing.T) {
	k, c, p, s, room := keysOf(t, "secret"), challenge(), pass(), stamp(), make([]byte, 0, 64)
	work, cookie := string(k.AppendChallenge(nil, &c, noon)), string(k.AppendPass(nil, &p, noon))
	seen, agent := string(k.AppendStamp(nil, &s, noon)), strings.Repeat("a", 10_000)
	forged := string(keysOf(t, "another").AppendChallenge(nil, &c, noon))
	_, sealed, err := k.OpenChallenge(work, noon)
	if err != nil {
		t.Fatal(err)
	}
	answers := Solve(&c, &sealed)
	for says, do := range map[string]func(){
		"issuing a challenge": func() { k.AppendChallenge(room, &c, noon) },
		"making a pass":       func() { k.AppendPass(room, &p, noon) },
		"making a stamp":      func() { k.AppendStamp(room, &s, noon) },
		"a solved challenge": func() {
			if c, sealed, err := k.OpenChallenge(work, noon); err != nil || c.Solved(&sealed, answers) != nil {
				t.Error(err)
			}
		},
		"a forged challenge":    func() { k.OpenChallenge(forged, noon) },
		"a malformed challenge": func() { k.OpenChallenge(agent, noon) },
		"opening a pass":        func() { k.OpenPass(cookie, noon) },
		"opening a stamp":       func() { k.OpenStamp(seen, noon) },
		"a long binding":        func() { k.Binding("loewen", agent) },
	} {
		most := 0.0
		if underRace() { // sync.Pool then drops one of four on purpose
			most = 5
		}
		if got := testing.AllocsPerRun(100, do); got > most {
			t.Errorf("%s: %v allocations, want %v", says, got, most)
		}
	}
}

func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
