package incident

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/watch"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// records are of each kind of attack, with everything that a record can hold.
var records = map[string]func(t *testing.T) *Record{
	"flood":    floodRecord,
	"tier":     func(t *testing.T) *Record { return newWorld(t, synFlood).run(0, 500).one() },
	"slow":     func(t *testing.T) *Record { return newWorld(t, lowAndSlow).run(0, 900).one() },
	"campaign": campaignRecord,
	"open": func(t *testing.T) *Record {
		w := newWorld(t, solvers).run(0, 200)
		return w.rec.Open()[0]
	},
}

// floodRecord is a flood with acts of people, a gap, two edges and sources.
func floodRecord(t *testing.T) *Record {
	w := newWorld(t, flood).run(0, 128)
	id := w.rec.Open()[0].ID
	w.rec.Edges("fra-1", "fra-2")
	w.rec.Level(LevelChange{At: at(128), Shop: "loewen", To: 2, By: "watch", Why: "2,000 search strangers/s (usual 0.4) from 1,130 clients, 0 assets each: they behave unlike browsers"})
	w.run(129, 130)
	w.rec.Alerted(id, at(130))
	w.run(131, 300)
	w.rec.Find(id).AddAct(Act{at(300), "uid 1000", "pin 3 for 1h"})
	w.rec.Level(LevelChange{At: at(300), Shop: "loewen", From: 2, To: 3, By: "uid 1000", Why: "pin"})
	w.run(301, 350)
	w.run(358, 400)
	sources := NewSources()
	for i := range 1130 {
		for range 1 + 400/(i+1) {
			sources.Add(keyOf("client", i), keyOf("net", i/3))
		}
	}
	w.rec.Sources("loewen", watch.SearchFlood, sources)
	w.run(401, 1100)
	r := w.one()
	r.AddNote(Act{at(1200), "uid 1000", "Die Löwen-Apotheke wurde um 11:55 angerufen & war zufrieden. | Extortion mail <came> at noon."})
	return r
}

// keyOf makes keys that look like those of addresses.
func keyOf(kind string, i int) netkey.Key {
	h, err := netkey.NewHasher([]byte("a secret for tests"))
	if err != nil {
		panic(err)
	}
	return h.Hash(noon, fmt.Appendf(nil, "%s %d", kind, i))
}

// synFlood is stopped from its first packet on by what is always in force.
var synFlood = wave{
	shop: "", vector: watch.SYN, from: 60, to: 180, detected: 60, rate: 1_200_000, stops: watch.ByScrub, stopsFrom: 60,
	prepared: true, customers: 40, ordersExpected: 0.05,
}

// lowAndSlow meets a shop with one customer a minute: nobody can tell how these fared.
var lowAndSlow = wave{
	shop: "sonnen", vector: watch.LoginGuessing, from: 60, to: 400, detected: 79, rate: 4, hurts: 0, stops: watch.ByChallenge,
	stopsFrom: 80, level: shop.Attack, customers: 1.0 / 60, expectedUnknown: true,
}

// solvers get through whatever is done.
var solvers = wave{
	shop: "adler", vector: watch.SolverBots, from: 30, to: 900, detected: 31, rate: 300, hurts: 33, heals: 2000,
	stops: watch.ByChallenge, stopsFrom: 40, level: shop.Siege, customers: 2, ordersExpected: 0.004,
}

// campaignRecord is of nine shops, which are attacked one after the other; that they are one
// campaign is known from the third on.
func campaignRecord(t *testing.T) *Record {
	return newWorld(t, campaign()...).run(0, 1200).one()
}

func campaign() (waves []wave) {
	for i, id := range []shop.ID{"loewen", "sonnen", "adler", "baeren", "hirsch", "rosen", "engel", "stern", "mohren"} {
		begin := 60 + 20*i
		waves = append(waves, wave{
			shop: id, vector: watch.GetFlood, from: begin, to: 600, detected: begin + 1, rate: 150 + 40*i, hurts: begin + 2, heals: begin + 6 + i,
			stops: watch.ByChallenge, stopsFrom: begin + 2, level: shop.Attack, campaign: "20261129-1042", campaignFrom: 101,
			customers: 2, ordersExpected: 0.002,
		})
	}
	return waves
}

// TestGolden: go test ./incident -run Golden -update writes the files. Package report makes its
// reports of them.
func TestGolden(t *testing.T) {
	for name, record := range records {
		t.Run(name, func(t *testing.T) {
			stored, err := Encode(record(t))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(stored, '\n'))
			read, err := Decode(stored)
			if err != nil {
				t.Fatal(err)
			}
			if err := read.check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test ./incident -run Golden -update", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s changed; if that is right, run go test ./incident -run Golden -update\n%.3000s", path, d)
	}
}
