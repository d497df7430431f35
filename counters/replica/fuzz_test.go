package replica

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

// FuzzLine reads entries as they may come from a store that others write to. What is
// taken in is within bounds, and is what set.lua would write of it.
func FuzzLine(f *testing.F) {
	f.Add("1800000000000001 1800000000000 0 60000 m level/rosen 2")
	f.Add("1800000000000001 1800000000000 0 0 a level/rosen ")
	f.Add("1800000000000 1800000060000 5 1 M level/a a value")
	f.Add("1 1 0 1 a other/a 1")
	f.Add("-1 1 0 0 a level/a 1")
	f.Add("9223372036854775807 9223372036854775807 9223372036854775807 9223372036854775807 m level/a 1")
	f.Add("1 0 ")
	m := New(nil, level)
	f.Fuzz(func(t *testing.T, line string) {
		now := m.now()
		k, e, err := m.parseLine(line, now)
		if err != nil {
			return
		}
		if e.id == "" || len(e.id) > MaxID || strings.ContainsAny(e.id, " \n") || len(e.value) > MaxValue {
			t.Fatalf("%q is taken for the entry %q=%q", line, e.id, e.value)
		}
		if e.stamp <= 0 || e.version <= 0 || e.told > now || e.until < now || e.until-now > int64(forever) {
			t.Fatalf("%q is read as %+v", line, e)
		}
		if k == nil {
			return
		}
		known := m.entry(e)
		if known.Told.After(time.Now()) {
			t.Fatalf("%q is kept as %+v", line, known)
		}
		again := fmt.Sprintf("%d %d %d %d %s %s/%s %s", e.version, e.stamp, millis(now)-millis(e.told), (e.until-now)/1e6, e.letter(), k.Name, e.id, e.value)
		_, back, err := m.parseLine(again, now)
		if err != nil || back.id != e.id || back.value != e.value || back.letter() != e.letter() || back.until != e.until || back.version != e.version {
			t.Fatalf("%q is read as %+v, and that as %+v: %v", line, e, back, err)
		}
		m := New(nil, level)
		defer m.Close()
		m.receive(line)
		lives := !e.deleted && e.until-now > int64(time.Minute) // what ends sooner may be over by now
		gone := e.deleted || e.until == now
		if got := len(m.All("level")); got != 1 && lives || got != 0 && gone || got > 1 {
			t.Fatalf("%q makes %d entries", line, got)
		}
	})
}

// FuzzPage reads what may come as an answer of changes.lua: reading goes on only to
// what lies ahead.
func FuzzPage(f *testing.F) {
	f.Add("1800000000000002", "1800000000000001", int64(0))
	f.Add("0", "0", int64(5))
	f.Add("7", "7", int64(7))
	f.Add("9", "3", int64(3))
	f.Fuzz(func(t *testing.T, version, upTo string, after int64) {
		p, err := parsePage([]any{version, upTo, "0", "0", []any{"a line", int64(1)}}, after)
		if err == nil && (p.version < 0 || p.upTo > p.version || p.upTo < p.version && p.upTo <= after || len(p.lines) != 2) {
			t.Fatalf("%q up to %q after %d is read as %+v", version, upTo, after, p)
		}
	})
}

// FuzzHeartbeatVersion takes whatever versions the heartbeats bring.
func FuzzHeartbeatVersion(f *testing.F) {
	f.Add(int64(1), int64(0), int64(5))
	f.Fuzz(func(t *testing.T, a, b, c int64) {
		connection, err := tier.New(tier.Options{Addresses: []string{"127.0.0.1:1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		m := New(connection, level)
		defer m.Close()
		for _, version := range []int64{a, b, c, a} {
			m.compare(version)
		}
		if !m.outbox.take().behind && m.version != a {
			t.Fatalf("the map is at %d and not compared with the store's at %d", m.version, a)
		}
	})
}
