package records

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) { sample.Main(m) }

// shared returns the records of an edge that shares the store.
func shared(t testing.TB, addresses ...string) *Records {
	t.Helper()
	connection, err := tier.New(tier.Options{Addresses: addresses, Deadline: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	connection.Start()
	sample.Within(t, 10*time.Second, "the store is shared", func() bool { return connection.Status().Shared })
	return New(connection)
}

// each runs a test with records of a process, and with those of two edges that share a store.
func each(t *testing.T, test func(t *testing.T, here, there *Records)) {
	t.Parallel()
	t.Run("one process", func(t *testing.T) { r := New(nil); test(t, r, r) })
	t.Run("Redis", func(t *testing.T) {
		addr := need.Redis(t).Addr
		test(t, shared(t, addr), shared(t, addr))
	})
	t.Run("a Cluster", func(t *testing.T) {
		nodes := need.RedisCluster(t)
		addresses := []string{nodes[0].Addr, nodes[1].Addr, nodes[2].Addr}
		test(t, shared(t, addresses...), shared(t, addresses...))
	})
}

var epoch = time.UnixMilli(1_800_000_000_123)

// listed returns what is kept, as "id=value ..."; a token stands behind it.
func listed(t testing.TB, r *Records, kind string, since, most int) string {
	t.Helper()
	all, err := r.KeptSince(t.Context(), kind, epoch.Add(time.Duration(since)*time.Minute), most)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, one := range all {
		s := fmt.Sprintf("%s=%s", one.ID, one.Value)
		if one.Token > 0 {
			s += fmt.Sprint("@", one.Token)
		}
		text = append(text, s)
	}
	return strings.Join(text, " ")
}

// TestRecords walks through what edges keep.
func TestRecords(t *testing.T) {
	each(t, func(t *testing.T, here, there *Records) {
		for i, s := range []struct {
			id, value string
			at        int // minutes
			token     int64
			want      error
			kept      string
		}{
			{"b", "1", 2, 0, nil, "b=1"},
			{"a", "1", 1, 0, nil, "b=1 a=1"},
			{"c", "1", 2, 0, nil, "c=1 b=1 a=1"},
			{"a", "2", 3, 7, nil, "a=2@7 c=1 b=1"},
			{"a", "3", 3, 6, ErrFenced, "a=2@7 c=1 b=1"},
			{"a", "4", 0, 8, nil, "c=1 b=1 a=4@8"},
			{"a", "5", 0, 0, nil, "c=1 b=1 a=5@8"},
			{"a", "6", 0, 7, ErrFenced, "c=1 b=1 a=5@8"},
			{"a", "7", 0, 8, nil, "c=1 b=1 a=7@8"},
			{"c", "", 2, 0, nil, "c= b=1 a=7@8"},
		} {
			at := epoch.Add(time.Duration(s.at)*time.Minute + 456*time.Microsecond)
			err := here.Keep(t.Context(), "incident", Record{s.id, []byte(s.value), at, s.token}, time.Hour)
			if !errors.Is(err, s.want) {
				t.Errorf("step %d: the error is %v, want %v", i, err, s.want)
			}
			if got := listed(t, there, "incident", 0, 10); got != s.kept {
				t.Errorf("step %d: %q is kept, want %q", i, got, s.kept)
			}
		}
		for _, c := range []struct {
			since, most int
			want        string
		}{{0, 2, "c= b=1"}, {1, 9, "c= b=1"}, {3, 9, ""}, {0, 0, ""}, {0, -1, ""}, {-1_000_000_000, 1, "c="}} {
			if got := listed(t, there, "incident", c.since, c.most); got != c.want {
				t.Errorf("since %d min, %d at most: %q, want %q", c.since, c.most, got, c.want)
			}
		}
		one, ok, err := there.Kept(t.Context(), "incident", "a")
		if err != nil || !ok || one.ID != "a" || string(one.Value) != "7" || one.Token != 8 || !one.At.Equal(epoch) {
			t.Errorf("%+v, %t, %v", one, ok, err)
		}
		if _, ok, err := there.Kept(t.Context(), "incident", "d"); ok || err != nil {
			t.Errorf("there is no d, but %t, %v", ok, err)
		}
		if got := listed(t, there, "ledger", 0, 10); got != "" {
			t.Errorf("of another kind there is %q", got)
		}
	})
}

func TestRecordsThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, here, _ *Records) {
		good := Record{ID: "a", Value: make([]byte, MaxValue), At: epoch}
		if err := here.Keep(t.Context(), "incident", good, MaxLife); err != nil {
			t.Error(err)
		}
		for want, c := range map[string]struct {
			change func(*Record)
			life   time.Duration
		}{
			`records: keeping incident "": its id has 0 bytes, and may have 1 to 200: `:                {func(r *Record) { r.ID = "" }, time.Hour},
			`its id has 201 bytes, and may have 1 to 200: `:                                            {func(r *Record) { r.ID = strings.Repeat("a", 201) }, time.Hour},
			`records: keeping incident "a": it has 65537 bytes, and may have 65536, so leave some out`: {func(r *Record) { r.Value = make([]byte, MaxValue+1) }, time.Hour},
			`it is to last 0s, and may last up to 2160h0m0s`:                                           {func(*Record) {}, 0},
			`it is to last 2160h0m1s, and may last up to 2160h0m0s`:                                    {func(*Record) {}, MaxLife + time.Second},
			`its time or token is before 1970`:                                                         {func(r *Record) { r.At = time.Time{} }, time.Hour},
		} {
			bad := good
			c.change(&bad)
			if err := here.Keep(t.Context(), "incident", bad, c.life); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, want %q", err, want)
			}
		}
	})
}

// TestRoom: of each kind there are so many, and the oldest give way.
func TestRoom(t *testing.T) {
	each(t, func(t *testing.T, here, there *Records) {
		keep := func(kind string, i int) error {
			at := epoch.Add(time.Duration(i) * time.Second)
			return here.Keep(t.Context(), kind, Record{ID: fmt.Sprint(i), At: at}, time.Hour)
		}
		if err := keep("ledger", 0); err != nil {
			t.Error(err)
		}
		for i := range Max + 10 {
			if err := keep("incident", i); err != nil {
				t.Fatal(err)
			}
		}
		all, err := there.KeptSince(t.Context(), "incident", epoch, 2*Max)
		if err != nil || len(all) != Max || all[0].ID != fmt.Sprint(Max+9) || all[Max-1].ID != "10" {
			t.Errorf("%d records, want %d: %v", len(all), Max, err)
		}
		if err := keep("incident", 5); !errors.Is(err, ErrOld) {
			t.Errorf("one that is older than all: %v, want %v", err, ErrOld)
		}
		if err := keep("incident", 4000); err != nil {
			t.Errorf("one that is there: %v", err)
		}
		if _, ok, err := there.Kept(t.Context(), "incident", "5"); ok || err != nil {
			t.Errorf("the oldest is kept: %t, %v", ok, err)
		}
		if got := listed(t, there, "ledger", 0, 10); got != "0=" {
			t.Errorf("of another kind there is %q", got)
		}
	})
}

// TestLargeRecords: they come in several answers.
func TestLargeRecords(t *testing.T) {
	each(t, func(t *testing.T, here, there *Records) {
		value := func(i int) []byte { return bytes.Repeat([]byte{byte(i), 0, '\n', ' '}, MaxValue/4) }
		for i := range 40 {
			if err := here.Keep(t.Context(), "incident", Record{ID: fmt.Sprint(i), Value: value(i), At: epoch.Add(time.Duration(i))}, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		all, err := there.KeptSince(t.Context(), "incident", epoch, 100)
		if err != nil || len(all) != 40 {
			t.Fatalf("%d records: %v", len(all), err)
		}
		for _, one := range all {
			if i := int(one.Value[0]); one.ID != fmt.Sprint(i) || !bytes.Equal(one.Value, value(i)) {
				t.Errorf("%s has the value of %d", one.ID, i)
			}
		}
	})
}

// TestEnds: a record ends by itself, and makes room in the store when another is kept.
func TestEnds(t *testing.T) {
	each(t, func(t *testing.T, here, there *Records) {
		for id, life := range map[string]time.Duration{"short": 700 * time.Millisecond, "long": time.Hour} {
			if err := here.Keep(t.Context(), "incident", Record{ID: id, At: epoch}, life); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok, _ := there.Kept(t.Context(), "incident", "short"); !ok {
			t.Log("it is over already: this proves less")
		}
		sample.Within(t, 20*time.Second, "it is over", func() bool { return listed(t, there, "incident", 0, 10) == "long=" })
		if _, ok, err := there.Kept(t.Context(), "incident", "short"); ok || err != nil {
			t.Errorf("it is over, but %t, %v", ok, err)
		}
	})
}

// TestStore: what stands in the store, and that it goes.
func TestStore(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	r := shared(t, server.Addr)
	keep := func(id string, life time.Duration) {
		t.Helper()
		if err := r.Keep(t.Context(), "incident", Record{ID: id, Value: []byte("x y"), At: epoch, Token: 5}, life); err != nil {
			t.Fatal(err)
		}
	}
	keep("a", time.Second)
	if got := server.Do("HGET", tier.Key("records:incident"), "a"); got != "5 1800000000123 x y" {
		t.Errorf("the store has %q", got)
	}
	sample.Within(t, 20*time.Second, "it is removed when it is over and another is kept", func() bool {
		keep("b", time.Hour)
		return server.Do("HKEYS", tier.Key("records:incident")) == "b"
	})
	keep("c", MaxLife)
	for _, key := range []string{"records:incident", "records:at:incident", "records:ends:incident"} {
		if got := server.Do("PTTL", tier.Key(key)); len(got) != len("7783200000") {
			t.Errorf("%s is kept for %s ms, want 90 days and two hours", key, got)
		}
	}
	server.Do("HSET", tier.Key("records:incident"), "c", "nonsense")
	if got := listed(t, r, "incident", 0, 10); got != "b=x y@5" {
		t.Errorf("with nonsense in the store there is %q", got)
	}
}

// TestSteppedClock: a record lasts as long as it was kept for when the store's clock is set.
func TestSteppedClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server, clock := need.RedisClock(t)
			r := shared(t, server.Addr)
			const life = 6 * time.Second
			began := time.Now()
			for id, life := range map[string]time.Duration{"short": life, "long": 30 * time.Minute} {
				if err := r.Keep(t.Context(), "incident", Record{ID: id, At: epoch}, life); err != nil {
					t.Fatal(err)
				}
			}
			clock.Step(by)
			over := false
			sample.Within(t, 20*time.Second, "the short one is over", func() bool {
				over = listed(t, r, "incident", 0, 10) == "long="
				return over
			})
			if took := time.Since(began); took < life-2500*time.Millisecond { // until a heartbeat shows the step, time is up to two seconds ahead
				t.Errorf("it is over after %s, want %s", took, life)
			}
		})
	}
}

// TestLost: an error says what was not kept, and what to do.
func TestLost(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	r := shared(t, server.Addr)
	server.Kill()
	sample.Within(t, 10*time.Second, "the store is lost", r.tier.Lost)
	err := r.Keep(t.Context(), "incident", Record{ID: "a", At: epoch}, time.Hour)
	if want := `records: keeping incident "a": the store is lost: try again when it is shared`; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %q", err, want)
	}
	if _, _, err := r.Kept(t.Context(), "incident", "a"); !errors.Is(err, tier.ErrLost) {
		t.Error(err)
	}
	if _, err := r.KeptSince(t.Context(), "incident", epoch, 1); !errors.Is(err, tier.ErrLost) {
		t.Error(err)
	}
	server.Restart()
	sample.Within(t, 20*time.Second, "it is kept", func() bool {
		return r.Keep(t.Context(), "incident", Record{ID: "a", At: epoch}, time.Hour) == nil
	})
}

// FuzzRecord reads what others may write to the store.
func FuzzRecord(f *testing.F) {
	f.Add("5 1800000000123 x y")
	f.Add("0 0 ")
	f.Add("-1 -1")
	f.Fuzz(func(t *testing.T, text string) {
		one, ok := parse("a", text)
		if ok && !strings.HasSuffix(text, " "+string(one.Value)) {
			t.Fatalf("%q is read as %+v", text, one)
		}
	})
}
