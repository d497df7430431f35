package bans

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/sample"
)

// scriptStep is what an edge asks set.lua with admit.lua for. Times are in seconds of the
// store's clock.
type scriptStep struct {
	at          int
	name, cause string // "a" or "a@rosen"; the cause "protect" protects the subnet of that
	age, life   int
	stamp       int    // 0: not told yet
	want        string // "told left cause", with "!" if it is news; or why not
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
	{"a manual ban shortens, and no automatic one changes that", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {1, "a", "manual", 0, 10, 0, "1 10 manual!"}, {2, "a", "limit", 0, 60, 0, "1 9 manual"}, {3, "a", "manual", 0, 5, 0, "3 5 manual!"},
	}, "a"},
	{"of manual bans the last", []scriptStep{{9, "a", "manual", 0, 60, 0, "9 60 manual!"}, {10, "a", "manual", 5, 10, 0, "9 59 manual"}}, "a"},
	{"lifted", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {5, "a", "lifted", 0, 10, 0, "5 55 lifted!"}, {6, "a", "limit", 3, 60, 0, "5 54 lifted"}, {7, "a", "limit", 0, 60, 0, "7 60 limit!"},
	}, "a"},
	{"an edge that was away does not bring back what was lifted", []scriptStep{
		{0, "a", "limit", 0, 60, 0, "0 60 limit!"}, {5, "a", "lifted", 0, 10, 0, "5 55 lifted!"}, {9, "a", "limit", 0, 51, 1, "5 51 lifted"},
	}, "a"},
	{"a store that forgot is told again, by two", []scriptStep{{10, "a", "manual", 0, 60, 3, "3 60 manual!"}, {11, "a", "manual", 0, 59, 3, "3 59 manual"}}, "a"},
	{"what is over is in no ban's way", []scriptStep{
		{0, "a", "manual", 0, 5, 0, "0 5 manual!"}, {0, "b", "limit", 0, 5, 0, "0 5 limit!"}, {6, "a", "limit", 0, 60, 0, "6 60 limit!"},
	}, "a"},
	{"no ban where customers are, but a manual one", []scriptStep{
		{0, "a", "protect", 0, 300, 0, "1"},
		{10, "a", "limit", 0, 60, 0, "protected 290000"},
		{10, "b", "limit", 0, 60, 0, "10 60 limit!"},
		{10, "a", "manual", 0, 600, 0, "10 600 manual!"},
		{301, "c", "limit", 0, 60, 0, "301 60 limit!"},
	}, "a c"},
	{"customers of five minutes ago", []scriptStep{
		{0, "a", "protect", 0, 300, 0, "1"}, {200, "a", "protect", 0, 50, 0, "1"}, {299, "a", "limit", 0, 60, 0, "protected 1000"}, {300, "a", "limit", 0, 60, 0, "300 60 limit!"},
	}, "a"},
	{"customers do not lift a ban that is told again", []scriptStep{{10, "a", "protect", 0, 300, 0, "1"}, {10, "a", "limit", 0, 60, 3, "3 60 limit!"}}, "a"},
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
	{"what ends first makes room, but no manual ban", []scriptStep{
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
	name, at, _ := strings.Cut(s.name, "@")
	stamp, letter, checks := 0, "a", []any{keyText(new(sample.Key("net of " + name))), "rosen", 3}
	if s.stamp != 0 {
		stamp = (scriptStart + s.stamp) * 1000
	}
	text := s.cause + " a rule"
	switch s.cause {
	case ban.Manual.String():
		letter = "m"
	case "lifted":
		letter, text = "M", keyText(new(sample.Key("client")))
	}
	if letter != "a" || stamp > 0 {
		checks = []any{"", "", ""}
	}
	return append([]any{id(sample.Key(name), shop.ID(at)), text, letter, stamp, s.age * 1000, s.life * 1000}, checks...)
}

var (
	mapKey     = tier.Key("map")
	changesKey = tier.Key("map:changes")
	endsKey    = tier.Key("map:ends:ban")
)

const channel = "theriac:map"

// field is what the ban of a name at all shops is called in the store.
func field(name string) string { return "ban/" + id(sample.Key(name), "") }

// setRaw runs the script as an edge does, and returns its answers.
func setRaw(t testing.TB, store *tier.Tier, channel string, most int, args ...any) (answers []string) {
	t.Helper()
	text, err := os.ReadFile("../replica/set.lua")
	if err != nil {
		t.Fatal(err)
	}
	lua, keys := (*admission)(New(nil)).Script()
	args = append([]any{channel, "ban", most, "longest", 3}, args...)
	err = store.Run(t.Context(), 30*time.Second, tier.NewTimed(lua+string(text)), slices.Concat([]string{mapKey, changesKey, endsKey}, keys, []string{tier.ClockKey}), args, func(reply tier.Reply) (err error) {
		answers, err = reply.StringSlice()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// TestScript walks through what edges ask for.
func TestScript(t *testing.T) {
	for _, test := range scriptSteps {
		t.Run(test.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			store, err := tier.New(tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			before := 0
			for i, s := range test.steps {
				server.FastForward(time.Duration(s.at-before) * time.Second)
				server.SetTime(time.Unix(scriptStart+int64(s.at), 0))
				before = s.at
				if s.cause == "protect" {
					var n int
					args := []any{3, keyText(new(sample.Key("net of " + s.name))), s.life * 1000}
					err := store.Run(t.Context(), 30*time.Second, protect, []string{protectedKey, tier.ClockKey}, args, func(reply tier.Reply) (err error) {
						n, err = reply.Int()
						return err
					})
					if err != nil || strconv.Itoa(n) != s.want {
						t.Fatalf("step %d: %d subnets, want %s: %v", i, n, s.want, err)
					}
					continue
				}
				version := server.HGet(mapKey, " version")
				got := setRaw(t, store, channel, 4, s.args()...)[0]
				if part := strings.SplitN(got, " ", 7); len(part) == 7 {
					cause, _, _ := strings.Cut(part[6], " ")
					if part[4] == "M" {
						cause = "lifted"
					}
					got = fmt.Sprintf("%d %d %s", seconds(part[1])-scriptStart, seconds(part[3]), cause)
					if now := server.HGet(mapKey, " version"); part[0] == now && now != version {
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
			server.FastForward(3 * time.Hour)
			if got := server.Keys(); len(got) != 0 {
				t.Errorf("when all is over the store keeps %q", got)
			}
		})
	}
}

// seconds reads milliseconds.
func seconds(text string) int {
	ms, _ := strconv.Atoi(text)
	return ms / 1000
}

// leftIn are the bans in the store; its three lists of them must agree.
func leftIn(t *testing.T, server *miniredis.Miniredis) string {
	t.Helper()
	fields, err := server.HKeys(mapKey)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, id := range fields {
		if strings.HasPrefix(id, " ") {
			continue
		}
		id = strings.TrimPrefix(id, "ban/")
		for name := range strings.FieldsSeq("a b c d e f g") {
			if key := sample.Key(name); strings.HasPrefix(id, keyText(&key)) {
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
