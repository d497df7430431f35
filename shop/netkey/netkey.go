// Package netkey turns addresses into keys that can be counted and shared, but
// not turned back into addresses: keyed hashes (SipHash-2-4, 128 bit) of an address
// cut to a prefix. Keys of clients and subnets change at midnight UTC, those of
// bans do not.
//
// It does no I/O. The only thing that fails is a secret that is too short, when
// the configuration is read.
package netkey

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/dchest/siphash"
)

// Key identifies a client, a prefix or anything else that is counted. It is a keyed hash:
// without the secret the address cannot be recovered, and the same address has another key
// on the next day.
type Key [16]byte

// alphabet is Crockford's base 32 in lower case: no two letters are mistaken for each other
// when a customer reads them out on the telephone.
var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Reference returns the short form that a refused customer can read out to an operator, such
// as efr3-yz60. It means nothing without the secret.
func (k Key) Reference() string {
	var text [9]byte
	alphabet.Encode(text[1:], k[:5])
	copy(text[:4], text[1:5])
	text[4] = '-'
	return string(text[:])
}

// Of returns the key of something that belongs to the one that k identifies, such as its
// bucket in a limit. The names are ours: a client that could choose them could choose keys
// that meet.
func (k Key) Of(names ...string) Key {
	n := binary.LittleEndian.Uint64(k[8:])
	for _, name := range names {
		for _, c := range []byte(name) {
			n = n*31 + uint64(c)
		}
	}
	binary.LittleEndian.PutUint64(k[8:], n)
	return k
}

// Hasher makes keys. Edges with the same secret make the same keys. It is safe for
// concurrent use and does not allocate, except for the first key of a day.
type Hasher struct {
	secret []byte
	ban    dayKey // of no day, as the next one
	place  dayKey
	today  atomic.Pointer[dayKey]
	clock  atomic.Pointer[func(time.Time) time.Time]
}

type dayKey struct {
	day    int64
	k0, k1 uint64
}

// MinSecret is the minimum length of a secret in bytes.
const MinSecret = 16

// NewHasher derives the keys of the hashes from the secret by HKDF (RFC 5869). It refuses a
// secret shorter than MinSecret.
func NewHasher(secret []byte) (*Hasher, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the secret has %d bytes; at least %d are needed", len(secret), MinSecret)
	}
	h := &Hasher{secret: secret}
	h.ban.k0, h.ban.k1 = h.derive("theriac ban key")
	h.place.k0, h.place.k1 = h.derive("theriac place key")
	return h, nil
}

// Follow has days begin by a clock on which the edges agree, rather than by each edge's own.
func (h *Hasher) Follow(clock func(time.Time) time.Time) { h.clock.Store(&clock) }

// Hash returns the key of data on the day of now (UTC).
func (h *Hasher) Hash(now time.Time, data []byte) Key {
	if clock := h.clock.Load(); clock != nil {
		now = (*clock)(now)
	}
	d := h.dayKeyOf(now.Unix() / 86400)
	return keyOf(siphash.Hash128(d.k0, d.k1, data))
}

func keyOf(a, b uint64) (k Key) {
	binary.LittleEndian.PutUint64(k[:8], a)
	binary.LittleEndian.PutUint64(k[8:], b)
	return k
}

func (h *Hasher) dayKeyOf(day int64) *dayKey {
	if d := h.today.Load(); d != nil && d.day == day {
		return d
	}
	d := &dayKey{day: day}
	d.k0, d.k1 = h.derive(fmt.Sprintf("theriac client key, day %d", day))
	h.today.Store(d)
	return d
}

// derive makes a SipHash key for one purpose.
func (h *Hasher) derive(purpose string) (k0, k1 uint64) {
	derived, err := hkdf.Key(sha256.New, h.secret, nil, purpose, 16)
	if err != nil {
		panic(err) // HKDF fails only for lengths beyond 255 hashes
	}
	return binary.LittleEndian.Uint64(derived[:8]), binary.LittleEndian.Uint64(derived[8:])
}

// Client returns the key of one client: an IPv4 address, or the /64 of an IPv6 address, the
// smallest prefix that providers assign to a customer.
func (h *Hasher) Client(now time.Time, addr netip.Addr) Key {
	return h.prefix(now, addr, 32, 64)
}

// Subnet returns the key of the subnet of a client: its /24, or /56 for IPv6.
func (h *Hasher) Subnet(now time.Time, addr netip.Addr) Key {
	return h.prefix(now, addr, 24, 56)
}

// Site returns the key of the /48 around an IPv6 client, the largest prefix that providers
// assign to one customer: it has 256 subnets. IPv4 clients have none, which is the zero Key.
func (h *Hasher) Site(now time.Time, addr netip.Addr) Key {
	if !addr.Is6() || addr.Is4In6() {
		return Key{}
	}
	return h.prefix(now, addr, 0, 48)
}

// Ban returns the key of a banned address or prefix. It does not change at midnight: a ban
// lasts until its end.
func (h *Hasher) Ban(prefix netip.Prefix) Key {
	addr := prefix.Masked().Addr().Unmap()
	var data [18]byte
	copy(data[:], addr.AsSlice())
	data[16], data[17] = byte(addr.BitLen()/8), byte(prefix.Bits())
	a, b := siphash.Hash128(h.ban.k0, h.ban.k1, data[:])
	return keyOf(a, b)
}

// Place returns the key of a place in a shop, which is no address of a client and so has
// the same key every day.
func (h *Hasher) Place(data []byte) Key {
	return keyOf(siphash.Hash128(h.place.k0, h.place.k1, data))
}

// Fingerprint tells secrets apart, as in efr3-yz60: edges with the same secret have the same
// one, which does not reveal it.
func (h *Hasher) Fingerprint() string {
	return keyOf(h.derive("theriac fingerprint")).Reference()
}

// prefix hashes the first v4 or v6 bits of addr, and how many they are, so
// that 10.0.0.0/24 and 10.0.0.0/32 never meet. All clients without an address,
// as behind a unix socket, are one.
func (h *Hasher) prefix(now time.Time, addr netip.Addr, v4, v6 int) Key {
	var data [18]byte
	data[17] = byte(v6)
	switch addr = addr.Unmap(); {
	case addr.Is4():
		a := addr.As4()
		copy(data[:v4/8], a[:])
		data[16] = 4
	case addr.Is6():
		a := addr.As16()
		copy(data[:v6/8], a[:])
		data[16] = 6
	}
	return h.Hash(now, data[:])
}
