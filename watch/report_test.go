package watch

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// full has another number in each field.
func full() (c Counts) {
	f := flat{}
	for i := range f {
		f[i] = uint64(1)<<i + 5
	}
	return f.counts()
}

// TestFlat: each field of Counts has a place of its own, and comes back from it.
func TestFlat(t *testing.T) {
	c, fields := full(), 0
	v := reflect.ValueOf(c)
	seen := map[uint64]bool{}
	for _, one := range v.Fields() {
		if one.Kind() != reflect.Array {
			seen[one.Uint()] = true
			fields++
			continue
		}
		for j := range one.Len() {
			seen[one.Index(j).Uint()] = true
			fields++
		}
	}
	f := c.flat()
	if fields != flatLen || len(seen) != fields || seen[0] || f.counts() != c {
		t.Errorf("%d fields, %d values, want %d; back: %+v", fields, len(seen), flatLen, f.counts())
	}
}

// TestReportGolden: edges of other releases read these bytes.
func TestReportGolden(t *testing.T) {
	r := &Report{Boot: 0x0123456789abcdef, Node: "fra-1", Seq: 300, Shops: []ShopCounts{
		{"loewen", full()},
		{"sonnen", Counts{Arrived: [Streams]uint64{Page: 1000}, Vouched: [Streams]uint64{Page: 990}, Through: [Streams]uint64{Page: 998}, Answered: 998, Customers: 989, Served: 989, Waiting: 2, Distinct: 9}},
	}}
	want, err := os.ReadFile("testdata/report.hex")
	if err != nil {
		t.Fatal(err)
	}
	data := AppendReport(nil, r)
	if got := hex.EncodeToString(data); got != strings.TrimSpace(string(want)) {
		t.Errorf("it is told as\n%s, want\n%s", got, want)
	}
	if back, err := ParseReport(data); err != nil || !reflect.DeepEqual(&back, r) {
		t.Errorf("it is read as %+v, %v", back, err)
	}
}

// TestReportOfALaterRelease: fields that this one does not know are skipped.
func TestReportOfALaterRelease(t *testing.T) {
	data := AppendReport(nil, &Report{Boot: 1, Node: "a", Seq: 1})
	data = append(data, "\x06loewen"...)
	data = append(data, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40) // bits 0 and 62
	data = append(data, 7, 0xff, 1)
	data = append(data, "\x06sonnen\x01\x08"...)
	r, err := ParseReport(data)
	if err != nil || len(r.Shops) != 2 || r.Shops[0].Counts.Arrived[Page] != 7 || r.Shops[1].Counts.Arrived[Page] != 8 {
		t.Errorf("it is read as %+v, %v", r, err)
	}
}

func TestReportsThatAreRefused(t *testing.T) {
	good := AppendReport(nil, &Report{Boot: 1, Node: "fra-1", Seq: 1, Shops: []ShopCounts{{"loewen", full()}}})
	headed := func(rest string) string { return string(AppendReport(nil, &Report{Boot: 1, Node: "a", Seq: 1})) + rest }
	for want, data := range map[string]string{
		"it is cut short": string(good[:len(good)-1]),
		"it is of version 2, and this edge reads version 1: run the same release at all edges": "\x02" + string(good[1:]),
		"its number is 0":                    string(AppendReport(nil, &Report{Boot: 1, Node: "a"})),
		"it has more than 4096 shops":        headed(strings.Repeat("\x01a\x00", MaxShops+1)),
		"it has 1048577 bytes; at most 1048": headed(strings.Repeat("a", MaxReport+1-len(headed("")))),
		`shop name "a/b" has '/' in it`:      headed("\x03a/b\x00"),
		"a gauge has more than 32 bits":      headed("\x01a\x80\x80\x04\xff\xff\xff\xff\xff\x01"),
	} {
		if _, err := ParseReport([]byte(data)); err == nil || !strings.Contains(err.Error(), "watch: reading the report of an edge: "+want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	for n := range good[:15] {
		if _, err := ParseReport(good[:n]); err == nil {
			t.Errorf("the first %d bytes are taken for a report", n)
		}
	}
}

// FuzzReport reads what may come: it is within bounds, and is told again as the same.
func FuzzReport(f *testing.F) {
	f.Add(AppendReport(nil, &Report{Boot: 1, Node: "fra-1", Seq: 1, Shops: []ShopCounts{{"loewen", full()}, {"sonnen", Counts{}}}}))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseReport(data)
		if err != nil {
			if len(r.Shops) > 0 {
				t.Fatalf("an error, and yet %d shops", len(r.Shops))
			}
			return
		}
		if r.Seq == 0 || len(r.Node) > maxNode || len(r.Shops) > MaxShops {
			t.Fatalf("it is out of bounds: %+v", r)
		}
		back, err := ParseReport(AppendReport(nil, &r))
		if err != nil || !reflect.DeepEqual(back, r) {
			t.Fatalf("%+v is told again as %+v, %v", r, back, err)
		}
		e := NewEdges(r.Boot)
		for range 3 {
			e.Take(&r, epoch)
			r.Seq++
			e.Tick(epoch, func(id shop.ID, all, own *Second) {
				if *all != *own || all.Strangers[Page] < 0 || all.Assets < 0 {
					t.Fatalf("%s: %+v of %+v", id, own, all)
				}
			})
		}
	})
}

// week is what an edge of three has counted of a shop in a week of traffic: 180 million
// visits a year over 300 shops.
func week(random *rand.Rand) (c Counts) {
	n := func(a float64) uint64 { return uint64(a * math.Exp(random.NormFloat64())) }
	const visits = 0.019 * 7 * 86400 / 3
	c.Arrived = [Streams]uint64{Page: n(5 * visits), Search: n(1.5 * visits), Account: n(0.3 * visits), Order: n(0.6 * visits)}
	arrived := uint64(0)
	for i, a := range c.Arrived {
		arrived += a
		c.Vouched[i] = a * 8 / 10
		c.Through[i] = a - a/500
	}
	c.Assets, c.Answered, c.Bad, c.Gone, c.Orders = n(50*visits), arrived-arrived/500, arrived/1000, arrived/200, n(0.05*visits)
	c.Customers = arrived*8/10 - arrived/300
	c.Served = c.Customers - c.Customers/500
	c.Stopped[ByLimit], c.Waiting, c.Distinct = arrived/500, uint32(random.IntN(3)), uint32(1+random.IntN(5))
	return c
}

// TestReportSize: an edge's second of 500 shops, 150 of which are active, is short. Without
// the differences and masks it would not be.
func TestReportSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	counts, edge := map[shop.ID]Counts{}, NewReporter("fra-1", 1)
	plain := 0
	for i := range 500 {
		c := week(random)
		if c.Waiting, c.Distinct = 0, 0; i < 150 {
			plain += 31 * 8
		}
		counts[shop.ID(fmt.Sprintf("rosen-%03d", i))] = c
	}
	// In one order, since that says which of the idle shops are told in the second.
	inOrder := func(yield func(shop.ID, Counts) bool) {
		for _, id := range slices.Sorted(maps.Keys(counts)) {
			if !yield(id, counts[id]) {
				return
			}
		}
	}
	first := edge.Next(inOrder)
	for i := range 150 {
		id := shop.ID(fmt.Sprintf("rosen-%03d", i))
		c := counts[id]
		c.Arrived[Page]++
		c.Waiting, c.Distinct = 1, 4
		counts[id] = c
	}
	second := edge.Next(inOrder)
	t.Logf("all: %d bytes; the active ones: %d bytes", len(first[0]), len(second[0]))
	if len(first) != 1 || len(second) != 1 || len(second[0]) > 8<<10 {
		t.Errorf("%d and %d messages, the second of %d bytes, want one of 8 KiB at most", len(first), len(second), len(second[0]))
	}
	if plain < 4*len(second[0]) {
		t.Errorf("the control: %d bytes with 8 for each field", plain)
	}
}

// TestReporter: what has changed is told at once, gauges as long as they are not zero, and
// all else within a minute.
func TestReporter(t *testing.T) {
	edge := NewReporter(strings.Repeat("n", 300), 7)
	shops := map[shop.ID]Counts{"idle": {}, "calm": {Assets: 5}, "busy": {Waiting: 1}}
	times := map[shop.ID]int{}
	for second := range turns {
		busy := shops["busy"]
		busy.Assets = uint64(second)
		if second > 30 {
			busy = Counts{}
		}
		shops["busy"] = busy
		for _, message := range edge.Next(maps.All(shops)) {
			r, err := ParseReport(message)
			if err != nil || r.Boot != 7 || r.Seq != uint64(second+1) || len(r.Node) != maxNode {
				t.Fatalf("%+v, %v", r, err)
			}
			for _, s := range r.Shops {
				if times[s.Shop]++; s.Counts != shops[s.Shop] {
					t.Errorf("%s is told as %+v", s.Shop, s.Counts)
				}
			}
		}
	}
	if calm := times["calm"]; times["idle"] != 0 || calm < 1 || calm > 2 || times["busy"] != 32 {
		t.Errorf("told %v, want idle never, calm once or twice, busy 32 times: the last says that it is over", times)
	}
	delete(shops, "calm")
	edge.Next(maps.All(shops))
	if _, kept := edge.told["calm"]; kept {
		t.Error("a shop that is gone is kept")
	}
}

// TestReportIsSplit: no message is too large, and none is lost.
func TestReportIsSplit(t *testing.T) {
	var largest flat
	for i := range largest {
		if largest[i] = math.MaxUint64/2 - uint64(i)<<56; isGauge(i) {
			largest[i] = math.MaxUint32
		}
	}
	all := func(yield func(shop.ID, Counts) bool) {
		for i := range MaxShops + 10 {
			if !yield(shop.ID(fmt.Sprintf("apotheke-%031d", i)), largest.counts()) {
				return
			}
		}
	}
	messages, shops := NewReporter("fra-1", 1).Next(all), 0
	for _, message := range messages {
		r, err := ParseReport(message)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Shops {
			if s.Shop != shop.ID(fmt.Sprintf("apotheke-%031d", shops)) || s.Counts != largest.counts() {
				t.Fatalf("shop %d is told as %+v", shops, s)
			}
			shops++
		}
	}
	if len(messages) != 2 || shops != MaxShops {
		t.Errorf("%d messages with %d shops, want 2 with %d", len(messages), shops, MaxShops)
	}
}

func BenchmarkReport(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	r := &Report{Boot: 1, Node: "fra-1", Seq: 1}
	for i := range 150 {
		r.Shops = append(r.Shops, ShopCounts{shop.ID(fmt.Sprintf("rosen-%03d", i)), week(random)})
	}
	data := AppendReport(nil, r)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data = AppendReport(data[:0], r)
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseReport(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
