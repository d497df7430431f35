package replica

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestSetScript walks through what edges set. Times are in seconds of the
// store's clock; of each step it says what then stands, as the script answers.
func TestSetScript(t *testing.T) {
	const start = 1_800_000_000
	type step struct {
		at               int
		name, value      string
		stamp, age, life int
		want             string // told, left, value; "newer" if another stood already
	}
	for _, test := range []struct {
		name  string
		most  int
		steps []step
		left  string // the ids in the hash
	}{
		{"a new one replaces an old one", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {1, "a", "2", 0, 0, 60, "1 60 2"}}, "a"},
		{"of two at once the second", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {0, "a", "2", 0, 0, 0, "0 0 2"}}, "a"},
		{"what was told before does not", 9, []step{{9, "a", "2", 0, 0, 0, "9 0 2"}, {10, "a", "1", 0, 5, 0, "9 0 2 newer"}}, "a"},
		{"what was told later, elsewhere, does", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {10, "a", "2", 0, 5, 0, "5 0 2"}}, "a"},
		{"a store that forgot is told again", 9, []step{{10, "a", "1", 3, 0, 60, "3 60 1"}, {11, "a", "1", 3, 0, 59, "3 59 1 newer"}}, "a"},
		{"nothing is told in the future", 9, []step{{10, "a", "1", 99, 0, 0, "10 0 1"}, {11, "a", "2", 0, 0, 0, "11 0 2"}}, "a"},
		{"a clock that was set back", 9, []step{{10, "a", "1", 0, 0, 0, "10 0 1"}, {5, "a", "2", 0, 0, 0, "10 0 2"}}, "a"},
		{"what was told later, elsewhere, after the clock was set back", 9, []step{{100, "a", "1", 0, 0, 0, "100 0 1"}, {40, "a", "", 0, 5, 600, "100 600 "}}, "a"},
		{"what ends in time after the clock was set back", 9, []step{{100, "a", "1", 0, 0, 60, "100 60 1"}, {-200, "a", "1", 100, 0, 60, "100 60 1 newer"}}, "a"},
		{"what was taken back stays so", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {5, "a", "", 0, 0, 600, "5 600 "}, {6, "a", "1", 1, 0, 0, "5 599  newer"}}, "a"},
		{"what is over is swept out", 9, []step{{0, "a", "1", 0, 0, 5, "0 5 1"}, {6, "b", "1", 0, 0, 0, "6 0 1"}}, "b"},
		{"no room", 1, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {1, "b", "1", 0, 0, 0, ""}, {2, "a", "2", 0, 0, 0, "2 0 2"}}, "a"},
		{"room by what was taken back", 1, []step{{0, "a", "", 0, 0, 600, "0 600 "}, {0, "b", "1", 0, 0, 0, "0 0 1"}}, "b"},
		{"a value may be anything", 9, []step{{0, "a", "x  y\x00\n z ", 0, 0, 0, "0 0 x  y\x00\n z "}}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			e := unstarted(t, tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second})
			sub := server.NewSubscriber()
			defer sub.Close()
			sub.Subscribe(channel)
			published := make(chan string, 1)
			go func() {
				for m := range sub.Messages() {
					published <- m.Message
				}
				close(published)
			}()
			for i, s := range test.steps {
				server.SetTime(time.Unix(start+int64(s.at), 0))
				stamp, letter, life := 0, "m", int64(s.life)*1000
				if s.stamp != 0 {
					stamp = (start + s.stamp) * 1000
				}
				if s.value == "" {
					letter = "M"
				}
				if life == 0 {
					life = openEnd
				}
				version := server.HGet(mapKey, " version")
				answer := e.raw(t, channel, test.most, s.name, s.value, letter, stamp, s.age*1000, life)[0]
				got := ""
				if answer != "full" {
					_, stands, err := e.parseLine(answer, e.now())
					if err != nil {
						t.Fatalf("step %d: %q: %v", i, answer, err)
					}
					left := int(time.Duration(stands.until - e.now()).Round(time.Second).Seconds())
					if left > int(forever.Seconds()/2) {
						left = 0
					}
					got = strconv.FormatInt(stands.stamp/1000-start, 10) + " " + strconv.Itoa(left) + " " + stands.value
					if strconv.FormatInt(stands.version, 10) == version || version == server.HGet(mapKey, " version") {
						got += " newer"
					} else if news := <-published; news != answer {
						t.Errorf("step %d: published %q, want the answer %q", i, news, answer)
					}
				}
				if got != s.want {
					t.Errorf("step %d: %q stands, want %q", i, got, s.want)
				}
			}
			var ids []string
			fields, err := server.HKeys(mapKey)
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range fields {
				if !strings.HasPrefix(field, " ") {
					ids = append(ids, strings.TrimPrefix(field, "level/"))
				}
			}
			if got := strings.Join(ids, " "); got != test.left {
				t.Errorf("the store has %q, want %q", got, test.left)
			}
			for _, key := range []string{changesKey, e.kind("level").keys[2]} {
				if members, err := server.ZMembers(key); err != nil || len(members) != len(ids) {
					t.Errorf("%s has %d members, the hash %d: %v", key, len(members), len(ids), err)
				}
			}
		})
	}
}

// TestVersions: each change has the next version, and a store that was emptied
// has none that was before.
func TestVersions(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	r := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 30 * time.Second})[0]
	version := func() int64 {
		t.Helper()
		v, err := strconv.ParseInt(server.Do("HGET", mapKey, " version"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	sample.Within(t, 5*time.Second, "the edge listens", func() bool {
		return strings.HasSuffix(server.Do("PUBSUB", "NUMSUB", channel), "1")
	})
	time.Sleep(200 * time.Millisecond) // for it to find the store empty
	setIt(t, r, "a", "1", 0)
	first := version()
	setIt(t, r, "b", "1", 0)
	setIt(t, r, "a", "", 0)
	if got, want := version(), first+2; got != want {
		t.Errorf("after two more the version is %d, want %d", got, want)
	}
	server.Do("DEL", mapKey)
	sample.Within(t, 5*time.Second, "the store is told again", func() bool { return server.Do("HEXISTS", mapKey, "level/b") == "1" })
	if got := version(); got <= first+2 {
		t.Errorf("a store that was emptied has version %d, before it had %d", got, first+2)
	}
}

// TestSetScriptAtTheSameTime: of two changes made within 5 ms the store keeps the one that
// it receives later, however long that one was under way.
func TestSetScriptAtTheSameTime(t *testing.T) {
	const start = 1_800_000_000
	for _, c := range []struct {
		age    int // of the deletion, in milliseconds
		letter string
	}{{0, "M"}, {1, "M"}, {4, "M"}, {5, "m"}, {1000, "m"}} {
		server := miniredis.RunT(t)
		e := unstarted(t, tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second})
		server.SetTime(time.Unix(start, 0))
		e.raw(t, channel, 9, "a", "1", "m", 0, 0, int64(openEnd))
		answer := e.raw(t, channel, 9, "a", "", "M", 0, c.age, int64(60_000))[0]
		if _, stands, err := e.parseLine(answer, e.now()); err != nil || stands.letter() != c.letter {
			t.Errorf("a deletion %d ms old: %q stands, %v; want %s", c.age, answer, err, c.letter)
		}
	}
}

// TestChangesScript reads a map in pages, and again after a change.
func TestChangesScript(t *testing.T) {
	for name, addr := range map[string]func(t *testing.T) string{
		"miniredis": func(t *testing.T) string { return miniredis.RunT(t).Addr() },
		"Redis":     func(t *testing.T) string { return need.Redis(t).Addr },
	} {
		t.Run(name, func(t *testing.T) {
			e := unstarted(t, tier.Options{Addresses: []string{addr(t)}, Deadline: 30 * time.Second})
			set := func(id, value string, life int) {
				t.Helper()
				e.raw(t, channel, 100, id, value, "m", 0, 0, life*1000)
			}
			read := func(after int64, most, bytes int) (p page, ids string) {
				t.Helper()
				err := e.tier.Run(t.Context(), 30*time.Second, changes, []string{mapKey, changesKey, tier.ClockKey}, []any{after, most, bytes}, func(reply tier.Reply) error {
					values, err := reply.Slice()
					if err == nil {
						p, err = parsePage(values, after)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range p.lines {
					_, known, err := e.parseLine(line, e.now())
					if err != nil {
						t.Fatal(err)
					}
					ids += known.id
				}
				return p, ids
			}
			if p, _ := read(0, 2, 1e6); p.version != 0 || p.upTo != 0 {
				t.Errorf("a store without a map is at %+v", p)
			}
			set("a", "1", 60)
			set("b", "1", 60)
			set("c", "1", 60)
			p, ids := read(0, 2, 1e6)
			if ids != "ab" || p.upTo != p.version-1 || p.began == 0 || p.floor != 0 {
				t.Errorf("the first page is %q: %+v", ids, p)
			}
			p, ids = read(p.upTo, 2, 1e6)
			if ids != "c" || p.upTo != p.version {
				t.Errorf("the second page is %q up to %d of %d", ids, p.upTo, p.version)
			}
			set("a", "2", 90)
			if p, ids = read(p.version, 2, 1e6); ids != "a" || p.upTo != p.version {
				t.Errorf("what changed since is %q up to %d of %d", ids, p.upTo, p.version)
			}
			if _, ids = read(0, 9, 1e6); ids != "bca" {
				t.Errorf("everything is %q, each once, the last change last", ids)
			}
			for _, id := range []string{"d", "e", "f"} {
				set(id, strings.Repeat("v", MaxValue), 60)
			}
			if p, ids = read(0, 9, MaxValue+500); ids != "bcade" || p.upTo != p.version-1 {
				t.Errorf("a page of so many bytes is %q up to %d of %d", ids, p.upTo, p.version)
			}
			if p, ids = read(p.upTo, 9, 1); ids != "f" || p.upTo != p.version {
				t.Errorf("the rest is %q up to %d of %d", ids, p.upTo, p.version)
			}
		})
	}
}

// TestPrecedence: the store and each edge for itself decide the same, whatever
// stands and whatever comes.
func TestPrecedence(t *testing.T) {
	server := miniredis.RunT(t)
	longest := Kind{Name: "longest", Max: 10, Rank: Longest}
	e := unstarted(t, tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second}, longest)
	now := time.UnixMilli(e.now() / 1e6)
	server.SetTime(now)
	at := now.UnixMilli()
	random := rand.New(rand.NewPCG(3, 4))
	one := func() *entry {
		// Few different times, so that many of them are equal or nearly so.
		told := at - []int64{0, 1, 10, 1000, 10_000, random.Int64N(1e9)}[random.IntN(6)]
		left := []int64{1000, 1001, 1999, 2000, 100_000, openEnd, 1 + random.Int64N(1e9)}[random.IntN(7)]
		return &entry{
			id: "a", value: "v", stamp: told, told: told * 1e6, until: (at + left) * 1e6,
			priority: Priority(random.IntN(2)), deleted: random.IntN(3) == 0,
		}
	}
	said := map[bool]int{}
	for _, k := range []*kind{e.kind("level"), e.kind("longest")} {
		set := func(s *entry) (line string) {
			args := []any{channel, k.Name, k.Max, []string{"latest", "longest"}[k.Rank], 0, s.id, s.value, s.letter(), s.stamp, 0, s.until/1e6 - at}
			err := e.tier.Run(t.Context(), 30*time.Second, k.script, k.keys, args, func(reply tier.Reply) error {
				answers, err := reply.StringSlice()
				line = answers[0]
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return line
		}
		for range 400 {
			server.FlushAll()
			old, s := one(), one()
			before := set(old)
			got, want := set(s) != before, s.beats(k.Rank, old, at*1e6)
			if said[want]++; got != want {
				t.Errorf("%s: %s since %d until %d, then %s since %d until %d: it stands is %t, for an edge alone %t", k.Name,
					old.letter(), old.told, old.until, s.letter(), s.told, s.until, got, want)
			}
		}
	}
	if said[true] < 100 || said[false] < 100 {
		t.Errorf("decided %v: this proves little", said)
	}
}

// TestPrecedenceIsExact: the number is an integer that doubles hold, and manual comes
// first.
func TestPrecedenceIsExact(t *testing.T) {
	for _, year := range []int{2026, 2100, 2120} {
		told := time.Date(year, 1, 1, 0, 0, 0, 1e6, time.UTC).UnixMilli()
		until := told + int64(forever/time.Millisecond)
		manual := precedence(Longest, Manual, told, until)
		for _, p := range []int64{manual, precedence(Latest, Automatic, told, until), precedence(Longest, Automatic, told, until)} {
			if float := float64(p); int64(float) != p || p >= 1<<53 {
				t.Errorf("in %d the precedence %d is not exact as a double", year, p)
			}
		}
		if year < 2096 && manual-precedence(Latest, Automatic, told, until) < step || manual-precedence(Longest, Automatic, told, until) < step {
			t.Errorf("in %d a manual entry has precedence %d only", year, manual)
		}
	}
}
