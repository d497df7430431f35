package anycast

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"testing"
)

func eight() (all []netip.Addr) {
	for i := range 8 {
		all = append(all, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
	}
	return all
}

func shops(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("shop%d", i))
	}
	return all
}

func TestAddressesAreSpread(t *testing.T) {
	firsts, pairs := map[netip.Addr]int{}, map[[2]netip.Addr]int{}
	for _, shop := range shops(5600) {
		addrs := AddressesOf(shop, eight())
		if len(addrs) != 2 || addrs[0] == addrs[1] {
			t.Fatalf("%s is at %v", shop, addrs)
		}
		firsts[addrs[0]]++
		slices.SortFunc(addrs, netip.Addr.Compare)
		pairs[[2]netip.Addr(addrs)]++
	}
	for addr, n := range firsts {
		if n < 560 || n > 840 {
			t.Errorf("%v is the first address of %d shops, about 700 are to be", addr, n)
		}
	}
	if len(pairs) != 28 {
		t.Errorf("%d pairs are in use, 28 are to be", len(pairs))
	}
	for pair, n := range pairs {
		if n > 300 {
			t.Errorf("%d shops share %v, about 200 are to", n, pair)
		}
	}
}

func TestOrderOfAddressesDoesNotMatter(t *testing.T) {
	backwards := eight()
	slices.Reverse(backwards)
	for _, shop := range shops(100) {
		if a, b := AddressesOf(shop, eight()), AddressesOf(shop, backwards); !slices.Equal(a, b) {
			t.Errorf("%s: %v and %v", shop, a, b)
		}
	}
}

// moves counts the shops that must move when an address goes, and those of them that did not
// have it.
func moves(assign func(string, []netip.Addr) []netip.Addr) (all, needless int) {
	gone, left := eight()[3], slices.Delete(eight(), 3, 4)
	for _, shop := range shops(2000) {
		before, after := assign(shop, eight()), assign(shop, left)
		kept := slices.DeleteFunc(slices.Clone(before), func(a netip.Addr) bool { return a == gone })
		for _, addr := range kept {
			if !slices.Contains(after, addr) {
				needless++
			}
		}
		if slices.Contains(before, gone) {
			all++
		}
	}
	return all, needless
}

func TestAnAddressThatGoesMovesOnlyItsShops(t *testing.T) {
	all, needless := moves(AddressesOf)
	if needless != 0 || all < 400 || all > 600 {
		t.Errorf("%d of 2000 shops had the address, about 500 are to; %d moved without need", all, needless)
	}
	byModulo := func(shop string, all []netip.Addr) []netip.Addr {
		h := fnv.New32a()
		h.Write([]byte(shop))
		i := int(h.Sum32()) % len(all)
		return []netip.Addr{all[i], all[(i+1)%len(all)]}
	}
	if _, needless := moves(byModulo); needless < 1000 { // the control
		t.Errorf("by the remainder of a hash only %d moved without need, so this test shows nothing", needless)
	}
}
