package bans

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/sample"
)

// FuzzBan reads entries as they may come from a store that others write to. What is
// taken in is within bounds, and is what an edge would write of it.
func FuzzBan(f *testing.F) {
	at := id(sample.Key("a"), "rosen")
	f.Add(at, "limit client", int64(time.Minute), false, false)
	f.Add(id(sample.Key("b"), ""), ban.Manual.String()+" ", int64(1), true, false)
	f.Add(at, keyText(new(sample.Key("client"))), int64(time.Hour), true, true)
	f.Add(at, "", int64(time.Hour), true, true)
	f.Add(at, "waf \n\xff", int64(1)<<62, false, false)
	f.Add(at, "x", int64(1), false, true)
	f.Add("0\n\n0000000000000000000:", "limit", int64(1), false, false) // line breaks in a key
	f.Add("protected 290000", "", int64(1), false, false)
	f.Fuzz(func(t *testing.T, id0, text string, left int64, manual, lifted bool) {
		now := time.Unix(1_800_000_000, 0)
		e := replica.Entry{ID: id0, Value: text, Told: now, Until: now.Add(time.Duration(left))}
		if manual {
			e.Priority = replica.Manual
		}
		data, err := parse(&e, lifted)
		if err != nil {
			return
		}
		n := node(data)
		q := Request{Ban: n.Ban}
		if left > 0 && left < int64(maxLife) && q.check(now) != nil || len(n.Rule) > maxRule || n.lifted != lifted {
			t.Fatalf("%q %q is read as %+v", id0, text, n.Ban)
		}
		if at := string(n.Shop); at != "" {
			if _, err := shop.ParseID(at); err != nil {
				t.Fatalf("%q is read as of %q", id0, at)
			}
		}
		again := replica.Entry{ID: id(n.Key, n.Shop), Value: value(&n.Ban), Told: now, Until: e.Until, Priority: e.Priority}
		if lifted {
			again.Value = clientText(&n.client)
		}
		back, err := parse(&again, lifted)
		if err != nil || node(back).Ban != n.Ban || node(back).client != n.client || again.ID != e.ID {
			t.Fatalf("%q %q is read as %+v, and that as %+v: %v", id0, text, n, back, err)
		}
	})
}
