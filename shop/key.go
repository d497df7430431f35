package shop

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

// Key stands for a client, a prefix or any other thing that is counted. It is
// a keyed hash: without the secret nobody can tell which address it was, and
// with the day's end the same address gets another key.
type Key [16]byte

// alphabet is Crockford's base 32 in lower case: no letter is mistaken for
// another one when a customer reads it out on the telephone.
var alphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Reference is the short form that a refused customer can read to an
// operator. It says nothing to anybody without the secret.
func (k Key) Reference() string {
	var text [9]byte
	alphabet.Encode(text[1:], k[:5])
	copy(text[:4], text[1:5])
	text[4] = '-'
	return string(text[:])
}

// Hasher makes keys. Every edge that has the same secret makes the same ones.
// It is safe for concurrent use and allocates nothing once a day has begun.
type Hasher struct {
	secret []byte
	today  atomic.Pointer[dayKey]
}

type dayKey struct {
	day    int64
	k0, k1 uint64
}

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 16

// NewHasher refuses secrets that could be guessed.
func NewHasher(secret []byte) (*Hasher, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the secret has %d bytes; at least %d are needed", len(secret), MinSecret)
	}
	return &Hasher{secret: secret}, nil
}

// Hash makes the key of data on the day of now (UTC).
func (h *Hasher) Hash(now time.Time, data []byte) (k Key) {
	d := h.keyOf(now.Unix() / 86400)
	a, b := siphash.Hash128(d.k0, d.k1, data)
	binary.LittleEndian.PutUint64(k[:8], a)
	binary.LittleEndian.PutUint64(k[8:], b)
	return k
}

func (h *Hasher) keyOf(day int64) *dayKey {
	if d := h.today.Load(); d != nil && d.day == day {
		return d
	}
	derived, err := hkdf.Key(sha256.New, h.secret, nil, fmt.Sprintf("theriac client key, day %d", day), 16)
	if err != nil {
		panic(err) // HKDF fails only for lengths beyond 255 hashes
	}
	d := &dayKey{day, binary.LittleEndian.Uint64(derived[:8]), binary.LittleEndian.Uint64(derived[8:])}
	h.today.Store(d)
	return d
}

// Client makes the key of one client: an IPv4 address, or the /64 of an IPv6
// address, since a /64 is the least that a provider gives to one customer.
func (h *Hasher) Client(now time.Time, addr netip.Addr) Key {
	return h.prefix(now, addr, 32, 64)
}

// Net makes the key of the neighbourhood of a client: /24 or /56.
func (h *Hasher) Net(now time.Time, addr netip.Addr) Key {
	return h.prefix(now, addr, 24, 56)
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
