package counters

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
)

// scriptStep is what an edge asks ban.lua for. Times are in seconds of the
// store's clock.
type scriptStep struct {
	at         int
	who, cause string // "a" or "a@rosen"; the cause "vouch" vouches for the net of who
	age, life  int
	stamp      int    // 0: not told yet
	want       string // "told left cause", with "!" if it is news; or why not
}

var scriptSteps = []struct {
	name  string
	steps []scriptStep
	left  string // the bans that are left, by name
}{
	{"a later end extends, an earlier one does not shorten", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {1, "a", "waf", 0, 30, 0, "0 59 limit"}, {2, "a", "waf", 0, 90, 0, "2 90 waf!"},
	}, "a"},
	{"shops are apart", []scriptStep{{0, "a@rosen", "limit", 0, 60, 0, "0 60 limit!"}, {0, "a", "limit", 0, 30, 0, "0 30 limit!"}}, "a a@rosen"},
	{"people shorten, and machines do not change that", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {1, "a", "manual", 0, 10, 0, "1 10 manual!"}, {2, "a", "limit", 0, 60, 0, "1 9 manual"}, {3, "a", "manual", 0, 5, 0, "3 5 manual!"},
	}, "a"},
	{"of people the last", []scriptStep{{9, "a", "manual", 0, 60, 0, "9 60 manual!"}, {10, "a", "manual", 5, 10, 0, "9 59 manual"}}, "a"},
	{"lifted", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {5, "a", "lifted", 0, 10, 0, "5 55 lifted!"}, {6, "a", "limit", 3, 60, 0, "5 54 lifted"}, {7, "a", "limit", 0, 60, 0, "7 60 limit!"},
	}, "a"},
	{"an edge that was away does not bring back what was lifted", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {5, "a", "lifted", 0, 10, 0, "5 55 lifted!"}, {9, "a", "limit", 0, 51, 1, "5 51 lifted"},
	}, "a"},
	{"a store that forgot is told again, by two", []scriptStep{{10, "a", "manual", 0, 60, 3, "3 60 manual!"}, {11, "a", "manual", 0, 59, 3, "3 59 manual"}}, "a"},
	{"what is over stands in nobody's way", []scriptStep{
		{0, "a", "manual", 0, 5, 0, "0 5 manual!"}, {0, "b", "limit", 0, 5, 0, "0 5 limit!"}, {6, "a", "limit", 0, 60, 0, "6 60 limit!"},
	}, "a"},
	{"no ban where customers are, but by people", []scriptStep{
		{0, "a", "vouch", 0, 300, 0, "1"},
		{10, "a", "limit", 0, 60, 0, "vouched 290000"},
		{10, "b", "limit", 0, 60, 0, "10 60 limit!"},
		{10, "a", "manual", 0, 600, 0, "10 600 manual!"},
		{301, "c", "limit", 0, 60, 0, "301 60 limit!"},
	}, "a c"},
	{"customers of five minutes ago", []scriptStep{
		{0, "a", "vouch", 0, 300, 0, "1"}, {200, "a", "vouch", 0, 50, 0, "1"}, {299, "a", "limit", 0, 60, 0, "vouched 1000"}, {300, "a", "limit", 0, 60, 0, "300 60 limit!"},
	}, "a"},
	{"customers do not lift a ban that is told again", []scriptStep{{10, "a", "vouch", 0, 300, 0, "1"}, {10, "a", "limit", 0, 60, 3, "3 60 limit!"}}, "a"},
	{"three bans a minute, and repetitions are none", []scriptStep{
		{0, "a", "limit", 0, 99, 0, "0 99 limit!"},
		{0, "a", "limit", 0, 99, 0, "0 99 limit"},
		{1, "b", "limit", 0, 99, 0, "1 99 limit!"},
		{2, "c", "limit", 0, 99, 0, "2 99 limit!"},
		{3, "d", "limit", 0, 99, 0, "capped"},
		{3, "d", "manual", 0, 99, 0, "3 99 manual!"},
		{59, "e", "limit", 0, 99, 0, "capped"},
		{60, "e", "limit", 0, 99, 0, "60 99 limit!"},
	}, "b c d e"}, // there is room for four
	{"who ends first makes room, but not who people banned", []scriptStep{
		{0, "a", "manual", 0, 10, 0, "0 10 manual!"},
		{0, "b", "limit", 0, 99, 0, "0 99 limit!"},
		{0, "c", "limit", 0, 50, 0, "0 50 limit!"},
		{1, "d", "manual", 0, 98, 0, "1 98 manual!"},
		{2, "e", "manual", 0, 97, 0, "2 97 manual!"},
		{3, "f", "manual", 0, 96, 0, "3 96 manual!"},
		{4, "g", "manual", 0, 96, 0, "full"},
		{4, "d", "manual", 0, 200, 0, "4 200 manual!"},
		{11, "g", "limit", 0, 96, 0, "11 96 limit!"},
	}, "d e f g"},
	{"nothing is told in the future", []scriptStep{{10, "a", "manual", 0, 60, 99, "10 60 manual!"}, {11, "a", "manual", 0, 60, 0, "11 60 manual!"}}, "a"},
	{"a clock that was set back", []scriptStep{{10, "a", "manual", 0, 60, 0, "10 60 manual!"}, {5, "a", "manual", 0, 20, 0, "10 20 manual!"}}, "a"},
}

// start is on a whole minute.
const scriptStart = 1_800_000_000

// args are the step as edges ask for it.
func (s *scriptStep) args() []any {
	name, at, _ := strings.Cut(s.who, "@")
	stamp, guard := 0, keyText(new(keyOf("net of "+name)))
	if s.stamp != 0 {
		stamp = (scriptStart + s.stamp) * 1000
	}
	if s.cause == "manual" || s.cause == lifted || stamp > 0 {
		guard = ""
	}
	text := "a rule"
	if s.cause == lifted {
		text = keyText(new(keyOf("client")))
	}
	return []any{place{keyOf(name), shop.ID(at)}.id(), s.cause, text, stamp, s.age * 1000, s.life * 1000, guard, "rosen", 3}
}

// TestBanScript walks through what edges ask for.
func TestBanScript(t *testing.T) {
	keys := []string{bansKey, endsKey, changesKey, vouchedKey, capsKey}
	for _, test := range scriptSteps {
		t.Run(test.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			client := redis.NewClient(&redis.Options{Addr: server.Addr()})
			defer client.Close()
			before := 0
			for i, s := range test.steps {
				at := time.Unix(scriptStart+int64(s.at), 0)
				server.FastForward(time.Duration(s.at-before) * time.Second)
				server.SetTime(at)
				before = s.at
				if s.cause == "vouch" {
					n, err := vouch.Run(context.Background(), client, []string{vouchedKey}, 3, keyText(new(keyOf("net of "+s.who))), s.life*1000).Int()
					if err != nil || strconv.Itoa(n) != s.want {
						t.Fatalf("step %d: %d vouchers, want %s: %v", i, n, s.want, err)
					}
					continue
				}
				version := server.HGet(bansKey, " version")
				answers, err := banScript.Run(context.Background(), client, keys, append([]any{bansChannel, 4}, s.args()...)...).StringSlice()
				if err != nil || len(answers) != 1 {
					t.Fatalf("step %d: %q, %v", i, answers, err)
				}
				got := answers[0]
				if r, err := parseBan(got, at); err == nil {
					cause, _ := r.cause()
					got = fmt.Sprintf("%d %d %s", r.stamp/1000-scriptStart, int(r.Until.Sub(at).Seconds()), cause)
					if strconv.FormatInt(r.version, 10) != version && r.version != 0 && version != server.HGet(bansKey, " version") {
						got += "!"
					}
				}
				if got != s.want {
					t.Errorf("step %d: %q stands, want %q", i, got, s.want)
				}
			}
			if got := leftIn(t, server); got != test.left {
				t.Errorf("the store has %q, want %q", got, test.left)
			}
			server.FastForward(time.Hour)
			if got := server.Keys(); len(got) != 0 {
				t.Errorf("when all is over the store keeps %q", got)
			}
		})
	}
}

// TestScriptBeats: the store and each edge for itself decide the same, whatever
// stands and whatever comes.
func TestScriptBeats(t *testing.T) {
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	now := time.Unix(scriptStart, 0)
	server.SetTime(now)
	keys := []string{bansKey, endsKey, changesKey, vouchedKey, capsKey}
	var rows []*row // of one place
	for _, cause := range []string{"limit", "waf", "manual", lifted} {
		for _, age := range []int{10, 20} {
			for _, left := range []int{100, 200} {
				r := &row{lifted: cause == lifted, stamp: (scriptStart - int64(age)) * 1000}
				r.Key, r.Told, r.Until = keyOf("a"), now.Add(-time.Duration(age)*time.Second), now.Add(time.Duration(left)*time.Second)
				r.Cause, _ = ban.ParseCause(cause)
				rows = append(rows, r)
			}
		}
	}
	tell := func(r *row) (stood bool) {
		t.Helper()
		cause, text := r.cause()
		args := []any{bansChannel, 10, r.place().id(), cause, text, r.stamp, 0, r.Until.Sub(now).Milliseconds(), "", "", 0}
		answers, err := banScript.Run(t.Context(), client, keys, args...).StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		stands, err := parseBan(answers[0], now)
		if err != nil {
			t.Fatal(err)
		}
		is, _ := stands.cause()
		return is == cause && stands.stamp == r.stamp && stands.Until.Equal(r.Until)
	}
	for _, old := range rows {
		for _, r := range rows {
			server.FlushAll()
			tell(old)
			same := r.lifted == old.lifted && r.Cause == old.Cause && r.stamp == old.stamp && r.Until.Equal(old.Until)
			got, want := tell(r), r.beats(old, now) || same
			if r.lifted && r.beats(old, now) && old.Until.After(r.Until) { // it is remembered longer
				want = false
			}
			equal := r.Told.Equal(old.Told) && (r.lifted || old.lifted || r.people()) // again, not against
			if got != want && !equal {
				a, _ := old.cause()
				b, _ := r.cause()
				t.Errorf("%s since %s until %s, then %s since %s until %s: it stands is %t, for an edge alone %t", a, old.Told, old.Until, b, r.Told, r.Until, got, want)
			}
		}
	}
}

// leftIn are the bans in the store; its three lists of them must agree.
func leftIn(t *testing.T, server *miniredis.Miniredis) string {
	t.Helper()
	fields, err := server.HKeys(bansKey)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, id := range fields {
		if strings.HasPrefix(id, " ") {
			continue
		}
		for name := range strings.FieldsSeq("a b c d e f g") {
			if key := keyOf(name); strings.HasPrefix(id, keyText(&key)) {
				all = append(all, strings.TrimSuffix(name+"@"+id[keyLetters+1:], "@"))
			}
		}
	}
	for _, key := range []string{endsKey, changesKey} {
		members, err := server.ZMembers(key)
		if err != nil || len(members) != len(all) {
			t.Errorf("%s has %d members, the hash %d: %v", key, len(members), len(all), err)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestSinceScript reads a list in pages, and again after a change.
func TestSinceScript(t *testing.T) {
	for name, addr := range map[string]func(t *testing.T) string{
		"miniredis": func(t *testing.T) string { return miniredis.RunT(t).Addr() },
		"Redis":     func(t *testing.T) string { return need.Redis(t).Addr },
	} {
		t.Run(name, func(t *testing.T) {
			client := redis.NewClient(&redis.Options{Addr: addr(t)})
			defer client.Close()
			keys := []string{bansKey, endsKey, changesKey, vouchedKey, capsKey}
			tell := func(who string, life int) {
				t.Helper()
				s := scriptStep{who: who, cause: "manual", life: life}
				if err := banScript.Run(t.Context(), client, keys, append([]any{bansChannel, 100}, s.args()...)...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			read := func(after int64, most int) (p page, who string) {
				t.Helper()
				reply, err := since.Run(t.Context(), client, []string{bansKey, changesKey}, after, most).Slice()
				if err == nil {
					p, err = parsePage(reply, after)
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range p.lines {
					r, err := parseBan(line, time.Now())
					if err != nil {
						t.Fatal(err)
					}
					who += names[r.Key]
				}
				return p, who
			}
			if p, _ := read(0, 2); p.version != 0 || p.upTo != 0 {
				t.Errorf("a store without bans is at %+v", p)
			}
			tell("a", 60)
			tell("b", 60)
			tell("c", 60)
			p, who := read(0, 2)
			if who != "ab" || p.upTo != p.version-1 {
				t.Errorf("the first page is %q up to %d of %d", who, p.upTo, p.version)
			}
			p, who = read(p.upTo, 2)
			if who != "c" || p.upTo != p.version {
				t.Errorf("the second page is %q up to %d of %d", who, p.upTo, p.version)
			}
			tell("a", 90)
			if p, who = read(p.version, 2); who != "a" || p.upTo != p.version {
				t.Errorf("what changed since is %q up to %d of %d", who, p.upTo, p.version)
			}
			if _, who = read(0, 9); who != "bca" {
				t.Errorf("all is %q, each once, the last change last", who)
			}
		})
	}
}
