package anycast

import (
	"bytes"
	"crypto/sha256"
	"net/netip"
	"slices"
)

// AddressesPerShop is how many of the tier's addresses each shop has.
const AddressesPerShop = 2

// AddressesOf returns the addresses at which a shop is served, the first one first in DNS.
//
// It is rendezvous hashing (Thaler and Ravishankar, IEEE/ACM ToN 6, 1998): with no table, each
// edge gets the same answer, an address that goes moves only the shops that had it, and one
// that comes takes only those that it wins. With 8 addresses there are 28 pairs, so that few
// shops share both with one that is attacked.
func AddressesOf(shop string, all []netip.Addr) []netip.Addr {
	type scored struct {
		addr  netip.Addr
		score [sha256.Size]byte
	}
	var scores []scored
	for _, addr := range all {
		// The length of an address is known by its family, so no two inputs are alike.
		raw, _ := addr.MarshalBinary()
		scores = append(scores, scored{addr, sha256.Sum256(append([]byte(shop+"\x00"), raw...))})
	}
	slices.SortFunc(scores, func(a, b scored) int { return bytes.Compare(b.score[:], a.score[:]) })
	var addrs []netip.Addr
	for _, s := range scores[:min(AddressesPerShop, len(scores))] {
		addrs = append(addrs, s.addr)
	}
	return addrs
}
