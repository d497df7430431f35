package watching

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// key is that of the nth client.
func key(n int) (k netkey.Key) {
	sum := sha256.Sum256([]byte{byte(n >> 8), byte(n)})
	copy(k[:], sum[:])
	return k
}

// TestSourcesOfAllEdges: what edges have seen is merged, however often and in whatever order
// they tell it. The control: a shop that is calm here has no sources.
func TestSourcesOfAllEdges(t *testing.T) {
	store := counters.NewMemory(1 << 20)
	t.Cleanup(func() { _ = store.Close() })
	w := New(store, "edge-1", func() Edge { return nil }, nil, nil)
	w.shops["loewen"] = &watched{sources: newSources()}
	w.shops["sonnen"] = &watched{}
	for n := range 100 {
		w.shops["loewen"].sources.add(key(n), key(n/50))
	}
	for edge, clients := range map[uint64][2]int{2: {50, 250}, 3: {200, 300}} {
		sketch := incident.NewSources()
		for n := clients[0]; n < clients[1]; n++ {
			sketch.Add(key(n), key(n/50))
			if n%40 == 0 {
				raw, err := sketch.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range []shop.ID{"loewen", "sonnen"} {
					w.hearSources(string(appendSketch(nil, edge, id, raw)))
				}
			}
		}
		raw, _ := sketch.MarshalBinary()
		w.hearSources(string(appendSketch(nil, edge, "loewen", raw)))
		w.hearSources(string(appendSketch(nil, edge, "loewen", raw)))
	}
	if got := w.shops["loewen"].sources.merged().Clients(); got < 295 || got > 305 {
		t.Errorf("%d clients, want 300", got)
	}
	if w.shops["sonnen"].sources != nil {
		t.Error("a calm shop has sources")
	}
}

func FuzzSketch(f *testing.F) {
	raw, err := incident.NewSources().MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(appendSketch(nil, 7, "loewen", raw))
	f.Add([]byte(strings.Repeat("\xff", 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		boot, id, sketch, ok := parseSketch(data)
		if !ok {
			return
		}
		raw, err := sketch.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if againBoot, againID, _, ok := parseSketch(appendSketch(nil, boot, id, raw)); !ok || againBoot != boot || againID != id {
			t.Errorf("%x is read, and not read again as written", data)
		}
	})
}
