package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// fullest is a record with as much of everything as it takes.
func fullest() *Record {
	r := &Record{V: Version, ID: idOf(noon, shop.ID(strings.Repeat("x", 40))), Campaign: "20261129-1042", Onset: noon, Until: at(4300)}
	long := strings.Repeat(`"\ä `, 200)
	for i := range 100 {
		r.addLevel(LevelChange{At: at(i), Shop: shop.ID(strings.Repeat("x", 40)), From: 3, To: 4, By: long, Why: long})
		if acted, noted := r.AddAct(Act{at(i), long, long}), r.AddNote(Act{at(i), long, long}); acted != (i < maxPeople) || noted != (i < maxNotes) {
			panic("AddAct and AddNote do not tell whether there was room")
		}
		r.addGap(Gap{at(2 * i), at(2 * i), long})
		r.addEdge(strings.Repeat("e", i%36) + string(rune('a'+i/36)))
	}
	sources := NewSources()
	for i := range 10 {
		sources.Add(keyOf("client", i), keyOf("net", i%5))
	}
	for i := range MaxShops {
		s := &Shop{ID: shop.ID(strings.Repeat("x", 38) + string(rune('a'+i%26)) + string(rune('a'+i/26))), From: noon, Level: 4, TopLevel: 4}
		s.Customers = Customers{1e9, 1e9, 1e9, 1e9, 1e9}
		s.Orders, s.Health = Orders{1e9, 1e9 + 0.123456789, 1e9}, Health{1e9, 1e9}
		for c := range s.Stopped {
			s.Stopped[c] = 1e12
		}
		for k := range 1 + max(0, i-MaxShops+maxVectors+1) { // 1, and at last 2 to 8
			if len(s.Vectors) == maxVectors || r.vectors()+len(s.Vectors)+MaxShops-1-i >= maxAllKinds {
				break
			}
			s.Vectors = append(s.Vectors, &Vector{
				Vector: strings.Repeat("v", 31) + string(rune('a'+k)), Prepared: true, Onset: noon, Detected: at(1), Alerted: at(2), Acted: at(3), Effective: at(4),
				LastHeat: at(5), Over: at(6), Fell: at(7), Judged: 1e9, HarmSeconds: 1e9, CustomersAfter: 1e9, ServedAfter: 1e9,
				Peak: 1e12, Arrived: 1e14, Sources: 1e9, Nets: sources.Nets(),
			})
		}
		for second := range 1000 {
			p := point{1e6, 1e6, 1e6, 1e6, 4, Stopped{}}
			for c := range p.stopped {
				p.stopped[c] = 1e6
			}
			s.Series.add(at(second), p)
		}
		for second := range maxWindow - 1 {
			s.judge.add(at(second), tick{customers: 1, served: 1})
		}
		r.Shops = append(r.Shops, s)
	}
	return r
}

// TestFullestRecordFits: the bounds together keep a record within its size.
func TestFullestRecordFits(t *testing.T) {
	r := fullest()
	for _, open := range []bool{true, false} {
		if !open {
			r.Closed = at(4600)
		}
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("open %v: %d bytes", open, len(data))
		if _, err := Decode(data); err != nil {
			t.Error(err)
		}
	}
	if len(r.Shops) != MaxShops || r.vectors() != maxAllKinds || len(r.Edges) != maxEdges || len(r.Notes) < 8 || len(r.Levels) < 10 {
		t.Errorf("%d shops, %d vectors, %d edges, %d notes, %d levels", len(r.Shops), r.vectors(), len(r.Edges), len(r.Notes), len(r.Levels))
	}
	series := 0
	for _, s := range r.Shops {
		if s.Series.Fine.Points() == 0 {
			series++
		}
	}
	if want := 5*100 + series - len(r.Edges) - len(r.Levels) - len(r.People) - len(r.Notes) - len(r.Gaps); r.LeftOut != want {
		t.Errorf("%d are said to be left out, want %d", r.LeftOut, want)
	}
	r.Shops[0].Vectors[0].Vector = strings.Repeat("v", MaxRecord)
	if _, err := Encode(r); err == nil {
		t.Error("a record that exceeds its bounds is encoded")
	}
}

// TestRoundTrip: what is read is what was written.
func TestRoundTrip(t *testing.T) {
	for name, record := range records {
		r := record(t)
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		read, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range read.Shops {
			s.Window = nil
		}
		if d := cmp.Diff(r, read, cmpopts.IgnoreUnexported(Record{}, Shop{})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestDecodeRefuses: each change of a good record, and that it was good.
func TestDecodeRefuses(t *testing.T) {
	good, err := Encode(newWorld(t, flood).run(0, 200).rec.Open()[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a newer version":             {`"v":1`, `"v":2`},
		"no version":                  {`"v":1,`, ``},
		"an ID that is a path":        {`"id":"20261129-1042-loewen"`, `"id":"../../etc/passwd"`},
		"a campaign of words":         {`"onset"`, `"campaign":"next week","onset"`},
		"a shop of capitals":          {`"shop":"loewen"`, `"shop":"Löwen"`},
		"no time of onset":            {`"onset":"2026-11-29T10:42:07Z","until"`, `"until"`},
		"a year of five digits":       {`"until":"2026`, `"until":"9026`},
		"half seconds":                {`"from":"2026-11-29T10:42:07Z"`, `"from":"2026-11-29T10:42:07.5Z"`},
		"a vector that is an address": {`"vector":"search-flood"`, `"vector":"192.0.2.1"`},
		"a negative count":            {`"asked":0`, `"asked":-1`},
		"a huge count":                {`"asked":0`, `"asked":9007199254740993`},
		"more bad than requests":      {`"bad":16`, `"bad":160000`},
		"level 5":                     {`"top_level":2`, `"top_level":5`},
		"a column that is short":      {`"arrived":[2000,`, `"arrived":[`},
		"points without length":       {`"every":1`, `"every":0`},
		"no vectors":                  {`"vectors":[`, `"vectors":[],"was":[`},
		"null for a shop":             {`"shops":[`, `"shops":[null,`},
		"effective, never judged":     {`"judged":65`, `"judged":0`},
		"detected before it began":    {`"detected":"2026-11-29T10:42:08Z"`, `"detected":"2026-11-29T10:42:06Z"`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), change[0], change[1], 1)
			if bad == string(good) {
				t.Fatalf("the record has no %s: %.400s", change[0], good)
			}
			if _, err := Decode([]byte(bad)); err == nil {
				t.Error("it is read")
			}
		})
	}
	for name, data := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "two records": string(good) + string(good), "torn": string(good[:len(good)/2]),
		"too long": string(good) + strings.Repeat(" ", MaxRecord),
	} {
		if _, err := Decode([]byte(data)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

// TestDecodeTolerates: fields, controls and vectors of a newer edge.
func TestDecodeTolerates(t *testing.T) {
	data, err := Encode(newWorld(t, flood).run(0, 200).rec.Open()[0])
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.NewReplacer(`"v":1`, `"v":1,"moon":"full"`, `"stopped":{"challenge":1`, `"stopped":{"oracle":5,"challenge":1`,
		`"vector":"search-flood"`, `"vector":"quantum-flood"`, `"stopped":{"challenge":[0`, `"stopped":{"oracle":[1],"challenge":[0`).Replace(string(data))
	r, err := Decode([]byte(newer))
	if err != nil {
		t.Fatal(err)
	}
	s := r.Shops[0]
	if s.Vectors[0].Vector != "quantum-flood" || s.Stopped[watch.ByChallenge] == 0 || s.Series.Fine.Stopped["oracle"] != nil || !strings.Contains(newer, `"oracle":5`) {
		t.Errorf("read %+v", s)
	}
	lines := Ledger(r, DefaultTargets())
	if len(lines) != 1 || lines[0].Vector != "quantum-flood" || lines[0].TargetMitigate != 10 {
		t.Errorf("ledger %+v", lines)
	}
}

// FuzzDecode: what is read can be written and read again, is the same then, and can be resumed.
func FuzzDecode(f *testing.F) {
	for _, record := range records {
		r := record(new(testing.T))
		for r.shrink() { // small seeds are changed in more ways
		}
		data, err := Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err != nil {
			return
		}
		for _, l := range Ledger(r, DefaultTargets()) {
			line, err := marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodeLine(line); (err == nil) == r.Closed.IsZero() {
				t.Fatalf("%v: %s", err, line)
			}
		}
		if r.Closed.IsZero() && r.Merged == "" {
			var rec Recorder
			if err := rec.Resume(r); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				rec.Step(r.Until.Add(time.Duration(i)*time.Second), nil)
			}
		}
		again, err := Encode(r)
		if err != nil {
			return // an unknown field was shorter than what replaces it
		}
		second, err := Decode(again)
		if err != nil {
			t.Fatalf("%v: %s", err, again)
		}
		if third, err := Encode(second); err != nil || len(again) < MaxRecord/2 && r.Closed.After(noon) && string(third) != string(again) {
			t.Fatalf("%v: %s became %s", err, again, third)
		}
	})
}
