package counters

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/test/need"
)

// TestTellScript walks through what edges tell. Times are in seconds of the
// store's clock; of each step it says what then stands, as the script answers.
func TestTellScript(t *testing.T) {
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
		left  string // the names in the hash, in order of telling
	}{
		{"a new one replaces an old one", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {1, "a", "2", 0, 0, 60, "1 60 2"}}, "a"},
		{"of two at once the second", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {0, "a", "2", 0, 0, 0, "0 0 2"}}, "a"},
		{"what was told before does not", 9, []step{{9, "a", "2", 0, 0, 0, "9 0 2"}, {10, "a", "1", 0, 5, 0, "9 0 2 newer"}}, "a"},
		{"what was told later, elsewhere, does", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {10, "a", "2", 0, 5, 0, "5 0 2"}}, "a"},
		{"a store that forgot is told again", 9, []step{{10, "a", "1", 3, 0, 60, "3 60 1"}, {11, "a", "1", 3, 0, 59, "3 59 1 newer"}}, "a"},
		{"nothing is told in the future", 9, []step{{10, "a", "1", 99, 0, 0, "10 0 1"}, {11, "a", "2", 0, 0, 0, "11 0 2"}}, "a"},
		{"a clock that was set back", 9, []step{{10, "a", "1", 0, 0, 0, "10 0 1"}, {5, "a", "2", 0, 0, 0, "10 0 2"}}, "a"},
		{"what was taken back stays so", 9, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {5, "a", "", 0, 0, 600, "5 600 "}, {6, "a", "1", 1, 0, 0, "5 599  newer"}}, "a"},
		{"what is over is swept out", 9, []step{{0, "a", "1", 0, 0, 5, "0 5 1"}, {6, "b", "1", 0, 0, 0, "6 0 1"}}, "b"},
		{"no room", 1, []step{{0, "a", "1", 0, 0, 0, "0 0 1"}, {1, "b", "1", 0, 0, 0, ""}, {2, "a", "2", 0, 0, 0, "2 0 2"}}, "a"},
		{"room by what was taken back", 1, []step{{0, "a", "", 0, 0, 600, "0 600 "}, {0, "b", "1", 0, 0, 0, "0 0 1"}}, "b"},
		{"a value may be anything", 9, []step{{0, "a", "x  y\x00\n z ", 0, 0, 0, "0 0 x  y\x00\n z "}}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			client := redis.NewClient(&redis.Options{Addr: server.Addr()})
			defer client.Close()
			sub := server.NewSubscriber()
			defer sub.Close()
			sub.Subscribe(factsChannel)
			published := make(chan string, 1)
			go func() {
				for m := range sub.Messages() {
					published <- m.Message
				}
				close(published)
			}()
			for i, s := range test.steps {
				server.SetTime(time.Unix(start+int64(s.at), 0))
				stamp := 0
				if s.stamp != 0 {
					stamp = (start + s.stamp) * 1000
				}
				answers, err := tell.Run(context.Background(), client, []string{factsKey}, factsChannel, test.most,
					s.name, s.value, stamp, s.age*1000, s.life*1000).StringSlice()
				if err != nil || len(answers) != 1 {
					t.Fatalf("step %d: %q, %v", i, answers, err)
				}
				got := ""
				if answers[0] != "" {
					e, err := parseNews(answers[0])
					if err != nil {
						t.Fatalf("step %d: %q: %v", i, answers[0], err)
					}
					got = strconv.FormatInt(e.stamp/1000-start, 10) + " " + strconv.Itoa(int(e.left.Seconds())) + " " + e.value
					if e.version == 0 {
						got += " newer"
					} else if news := <-published; news != answers[0] {
						t.Errorf("step %d: published %q, want the answer %q", i, news, answers[0])
					}
				}
				if got != s.want {
					t.Errorf("step %d: %q stands, want %q", i, got, s.want)
				}
			}
			var names []string
			fields, err := server.HKeys(factsKey)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range fields {
				if !strings.HasPrefix(name, " ") {
					names = append(names, name)
				}
			}
			if got := strings.Join(names, " "); got != test.left {
				t.Errorf("the store has %q, want %q", got, test.left)
			}
		})
	}
}

// TestVersions: each change has the next version, and a store that begins anew
// has none that was before.
func TestVersions(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	r := edges(t, 1, RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second})[0]
	version := func() int64 {
		t.Helper()
		v, err := strconv.ParseInt(server.Do("HGET", factsKey, " version"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	within(t, 5*time.Second, "the edge listens", func() bool {
		return strings.HasSuffix(server.Do("PUBSUB", "NUMSUB", factsChannel), "1")
	})
	time.Sleep(200 * time.Millisecond) // for it to find the store empty
	tellIt(t, r, "a", "1", 0)
	first := version()
	tellIt(t, r, "b", "1", 0)
	tellIt(t, r, "a", "", 0)
	if got, want := version(), first+2; got != want {
		t.Errorf("after two more the version is %d, want %d", got, want)
	}
	server.Do("DEL", factsKey)
	within(t, 5*time.Second, "the store is told again", func() bool { return server.Do("HEXISTS", factsKey, "b") == "1" })
	if got := version(); got <= first+2 {
		t.Errorf("a store that began anew has version %d, before it had %d", got, first+2)
	}
}
