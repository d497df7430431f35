package prefixmap

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/test/need"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestKeys(t *testing.T) {
	for _, p := range prefixes("192.0.2.0/24", "0.0.0.0/0", "203.0.113.7/32", "2001:db8::/32", "::/0", "2001:db8::1/128") {
		if got := prefixOf(Key(p)); got != p {
			t.Errorf("the key of %s is read as %s", p, got)
		}
	}
	if got := Key(netip.MustParsePrefix("192.0.2.7/24"))[4:]; !bytes.Equal(got, []byte{192, 0, 2, 0}) {
		t.Errorf("the key of 192.0.2.7/24 has the address %v, want that of the network", got)
	}
	if got, want := prefixOf([]byte{203, 0, 113, 7}), netip.MustParsePrefix("203.0.113.7/32"); got != want {
		t.Errorf("the key of a single address is read as %s, want %s", got, want)
	}
}

// TestReplace changes what maps of each kind hold.
func TestReplace(t *testing.T) {
	need.BPF(t)
	for name, c := range map[string]struct {
		spec          ebpf.MapSpec
		before, after []netip.Prefix
	}{
		"a trie":             {ebpf.MapSpec{Type: ebpf.LPMTrie, KeySize: 8, Flags: 1}, prefixes("192.0.2.0/24", "198.51.100.0/24"), prefixes("192.0.2.0/24", "203.0.113.0/25")},
		"a trie of IPv6":     {ebpf.MapSpec{Type: ebpf.LPMTrie, KeySize: 20, Flags: 1}, prefixes("2001:db8::/32"), prefixes("2001:db8:1::/48", "fd00::/8")},
		"single addresses":   {ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4}, prefixes("192.0.2.1/32", "192.0.2.2/32"), prefixes("192.0.2.2/32")},
		"nothing afterwards": {ebpf.MapSpec{Type: ebpf.Hash, KeySize: 8}, prefixes("192.0.2.0/24"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.ValueSize, c.spec.MaxEntries = 1, 16
			m, err := ebpf.NewMap(&c.spec)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for _, want := range [][]netip.Prefix{c.before, c.after} {
				if err := Replace(m, want); err != nil {
					t.Fatal(err)
				}
				got, err := List(m)
				slices.SortFunc(got, netip.Prefix.Compare)
				slices.SortFunc(want, netip.Prefix.Compare)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("the map holds %v, %v, want %v", got, err, want)
				}
			}
		})
	}
}
