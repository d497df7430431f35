package counters

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/sample"
)

// talk has two edges hear each other, one of them lead, and both read what is kept.
func talk(t *testing.T, here, there Store) {
	t.Helper()
	for _, pair := range [][2]Store{{here, there}, {there, here}, {here, here}} {
		var heard atomic.Bool
		stop := pair[1].Hear("watch", func(message string) { heard.Store(message == "hello") })
		sample.Within(t, 10*time.Second, "a message is heard", func() bool {
			pair[0].Say("watch", "hello")
			return heard.Load()
		})
		stop()
	}

	first := here.Lead("watch")
	sample.Within(t, 10*time.Second, "the first edge leads", func() bool { return first.State().Role == Leading })
	token := first.State().Token
	at := time.UnixMilli(time.Now().UnixMilli())
	if err := here.Keep(t.Context(), "incident", Record{ID: "a", Value: []byte("1"), At: at, Token: token}, time.Hour); err != nil {
		t.Error(err)
	}
	if here != there {
		second := there.Lead("watch")
		sample.Within(t, 10*time.Second, "the other follows it", func() bool {
			s := second.State()
			return s.Role == Following && s.Leader == "edge-1" && s.Token == token
		})
		first.Close()
		sample.Within(t, 10*time.Second, "the other leads", func() bool { return second.State().Role == Leading })
		if now := second.State().Token; now <= token {
			t.Errorf("its token is %d, the one before was %d", now, token)
		} else if err := there.Keep(t.Context(), "incident", Record{ID: "a", Value: []byte("2"), At: at, Token: now}, time.Hour); err != nil {
			t.Error(err)
		}
		if err := here.Keep(t.Context(), "incident", Record{ID: "a", Value: []byte("3"), At: at, Token: token}, time.Hour); !errors.Is(err, ErrFenced) {
			t.Errorf("an edge that led before keeps a record: %v, want %v", err, ErrFenced)
		}
		second.Close()
	}
	first.Close()
	if s := first.State(); s.Role != Alone {
		t.Errorf("after Close it is %v", s.Role)
	}

	one, ok, err := there.Kept(t.Context(), "incident", "a")
	if want := map[bool]string{true: "1", false: "2"}[here == there]; err != nil || !ok || string(one.Value) != want || !one.At.Equal(at) {
		t.Errorf("%q of %s is kept, %t, %v; want %q of %s", one.Value, one.At, ok, err, want, at)
	}
	if all, err := here.KeptSince(t.Context(), "incident", at, 10); err != nil || len(all) != 1 || all[0].ID != "a" {
		t.Errorf("%d records, %v, want one", len(all), err)
	}
}

// TestTalkInOneProcess: without Redis the same methods are of this process.
func TestTalkInOneProcess(t *testing.T) {
	m := NewMemory(1 << 20)
	defer m.Close()
	talk(t, m, m)
	for _, kind := range []string{Pin, Why, Expect, Campaign} {
		if err := m.Set(t.Context(), kind, "rosen", "1", time.Hour, Automatic); err != nil {
			t.Error(err)
		}
	}
}
