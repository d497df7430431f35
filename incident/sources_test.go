package incident

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// randomKey is a key as SipHash makes them.
func randomKey(rng *rand.Rand) (k netkey.Key) {
	binary.LittleEndian.PutUint64(k[:8], rng.Uint64())
	binary.LittleEndian.PutUint64(k[8:], rng.Uint64())
	return k
}

// TestClients: the estimate is near the truth, over edges that saw some of the same clients.
func TestClients(t *testing.T) {
	for _, n := range []int{0, 1, 7, 1000, 20_000, 50_000} {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		one, other := NewSources(), NewSources()
		for i := range n {
			k := randomKey(rng)
			if i%3 != 0 {
				one.Add(k, k)
			}
			if i%3 != 1 {
				other.Add(k, k)
				other.Add(k, k)
			}
		}
		if err := one.Merge(other); err != nil {
			t.Fatal(err)
		}
		if got := one.Clients(); math.Abs(float64(got)-float64(n)) > 0.03*float64(n) {
			t.Errorf("%d clients, want %d", got, n)
		}
	}
}

// TestNets: the subnets that send most are named, with a share that they had at least.
func TestNets(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	var big [3]netkey.Key
	for i := range big {
		big[i] = randomKey(rng)
	}
	truth := map[string]float64{}
	edges := []*Sources{NewSources(), NewSources(), NewSources()}
	const n = 60_000
	for i := range n {
		k := randomKey(rng)
		switch x := rng.Float64(); {
		case x < 0.2:
			k = big[0]
		case x < 0.3:
			k = big[1]
		case x < 0.35:
			k = big[2]
		}
		truth[k.Reference()] += 1.0 / n
		edges[i%3].Add(k, k)
	}
	for _, other := range edges[1:] {
		if err := edges[0].Merge(other); err != nil {
			t.Fatal(err)
		}
	}
	nets := edges[0].Nets()
	if len(nets) != 3 {
		t.Fatalf("%d subnets: %v", len(nets), nets)
	}
	for i, n := range nets {
		if n.Net != big[i].Reference() || n.Share > truth[n.Net]+1e-9 || n.Share < truth[n.Net]-0.05 {
			t.Errorf("%d: %v, want %s with %v", i, n, big[i].Reference(), truth[big[i].Reference()])
		}
	}
	if len(edges[0].nets.entries) != maxHeavy {
		t.Errorf("%d entries, want %d", len(edges[0].nets.entries), maxHeavy)
	}
}

// TestNoNets: where no subnet stands out, none is named.
func TestNoNets(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	s := NewSources()
	for range 50_000 {
		s.Add(randomKey(rng), randomKey(rng))
	}
	if nets := s.Nets(); len(nets) != 0 {
		t.Errorf("named %v", nets)
	}
}

// TestSourcesTravel: what one edge encodes, another reads; it is small, and anything else is
// refused.
func TestSourcesTravel(t *testing.T) {
	for _, n := range []int{0, 1, 100, 50_000} {
		rng := rand.New(rand.NewPCG(uint64(n), 2))
		var nets [200]netkey.Key
		for i := range nets {
			nets[i] = randomKey(rng)
		}
		s := NewSources()
		for i := range n {
			k := randomKey(rng)
			s.Add(k, nets[i%200])
		}
		data, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var read Sources
		if err := read.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if read.Clients() != s.Clients() || len(read.Nets()) != len(s.Nets()) || len(data) > 20<<10 {
			t.Errorf("%d: %d clients became %d, in %d bytes", n, s.Clients(), read.Clients(), len(data))
		}
		for _, bad := range [][]byte{nil, data[:len(data)-1], append(data[:len(data):len(data)], 0), append([]byte{9}, data[1:]...)} {
			if err := read.UnmarshalBinary(bad); err == nil {
				t.Errorf("%d: %d bytes are read", n, len(bad))
			}
		}
	}
}

func FuzzSources(f *testing.F) {
	for _, n := range []int{0, 5, 30_000} {
		rng := rand.New(rand.NewPCG(uint64(n), 2))
		s := NewSources()
		for range n {
			s.Add(randomKey(rng), randomKey(rng))
		}
		data, err := s.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Sources
		if err := s.UnmarshalBinary(data); err != nil {
			return
		}
		own := NewSources()
		own.Add(keyOf("client", 1), keyOf("net", 1))
		if err := own.Merge(&s); err != nil {
			t.Fatal(err)
		}
		own.Clients()
		for _, n := range own.Nets() {
			if !(n.Share >= 0 && n.Share <= 1) {
				t.Errorf("share %v", n.Share)
			}
		}
		out, err := own.MarshalBinary()
		if err != nil || len(out) > 100<<10 {
			t.Errorf("%d bytes, %v", len(out), err)
		}
	})
}

func BenchmarkSourcesAdd(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([]netkey.Key, 1<<14)
	for i := range keys {
		keys[i] = randomKey(rng)
	}
	s := NewSources()
	for i := 0; b.Loop(); i++ {
		s.Add(keys[i%len(keys)], keys[i%512])
	}
}
