package pow

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dchest/siphash"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 16

// MaxSecrets bounds what a forged token costs: it is compared with a key of each secret.
const MaxSecrets = 3

const day = 24 * time.Hour

// Keys issues and verifies tokens. Edges with the same secret accept each other's
// tokens. With several secrets the first issues tokens and those of all are accepted, so
// that a tier can change to another one. Keys is safe for concurrent use and does not
// allocate, except for the first token of a day.
//
// The keys of challenges and passes change at midnight (UTC). A token is accepted
// on the day of its key, on the day after and, since clocks differ, on the day
// before: whatever its expiry is, no token is accepted for more than two days.
type Keys struct {
	challenges, passes, stamps rings
	bind                       [][2]uint64 // by secret
}

// NewKeys derives the keys from the secrets of all edges, by HKDF (RFC 5869). It
// refuses a secret shorter than MinSecret, and more than MaxSecrets.
func NewKeys(secrets ...[]byte) (*Keys, error) {
	if len(secrets) == 0 || len(secrets) > MaxSecrets {
		return nil, fmt.Errorf("%d secrets; want 1 to %d", len(secrets), MaxSecrets)
	}
	k := new(Keys)
	for _, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("the secret has %d bytes; at least %d are needed", len(secret), MinSecret)
		}
		secret = slices.Clone(secret)
		k.challenges = append(k.challenges, &ring{secret: secret, label: "theriac challenge", period: day, before: 1})
		k.passes = append(k.passes, &ring{secret: secret, label: "theriac pass", period: day, before: 1, short: true})
		k.stamps = append(k.stamps, &ring{secret: secret, label: "theriac stamp", period: 30 * day, before: 14})
		bind := derive(secret, "theriac binding", 16)
		k.bind = append(k.bind, [2]uint64{binary.LittleEndian.Uint64(bind[:8]), binary.LittleEndian.Uint64(bind[8:])})
	}
	return k, nil
}

// maxAgent is how many bytes of a User-Agent are hashed. Real ones are shorter; a
// client must not decide how much work that is.
const maxAgent = 400

// Binding returns what ties a token to one shop and one User-Agent: SipHash-2-4 of
// the shop's ID, a zero byte and the first 400 bytes of the User-Agent. Its key
// never changes, so that passes survive midnight.
func (k *Keys) Binding(shop, agent string) uint64 { return k.BindingBy(0, shop, agent) }

// BindingBy is Binding for a token that was sealed with another secret than the first.
func (k *Keys) BindingBy(secret int, shop, agent string) uint64 {
	var room [64 + maxAgent]byte
	data := append(append(room[:0], shop...), 0)
	data = append(data, agent[:min(len(agent), maxAgent)]...)
	return siphash.Hash(k.bind[secret][0], k.bind[secret][1], data)
}

// rings are those of one type of token, by secret. The first seals new tokens.
type rings []*ring

// A ring holds the keys of one type of token and one secret. A token names its key by the last
// byte of the key's period number, counted from 1970.
type ring struct {
	secret []byte
	label  string
	period time.Duration
	before int64 // how many earlier periods are still accepted
	short  bool  // SipHash instead of HMAC
	cached atomic.Pointer[periodKeys]
}

// periodKeys are the keys that are accepted during one period: those of the
// periods before it, its own, and the next one's.
type periodKeys struct {
	number int64
	keys   []key
}

func (r *ring) at(now time.Time) *periodKeys {
	number := now.Unix() / int64(r.period/time.Second)
	if p := r.cached.Load(); p != nil && p.number == number {
		return p
	}
	p := &periodKeys{number, make([]key, r.before+2)}
	for i := range p.keys {
		n := number - r.before + int64(i)
		p.keys[i].id, p.keys[i].short = byte(n), r.short
		p.keys[i].secret = derive(r.secret, fmt.Sprintf("%s, period %d", r.label, n), sha256.Size)
	}
	r.cached.Store(p)
	return p
}

// sealing returns the key for new tokens.
func (r rings) sealing(now time.Time) *key {
	p := r[0].at(now)
	return &p.keys[len(p.keys)-2]
}

// opening returns the key with this ID, or nil if it is too old or too new.
func (r *ring) opening(now time.Time, id byte) *key {
	p := r.at(now)
	if i := int(id - p.keys[0].id); i < len(p.keys) {
		return &p.keys[i]
	}
	return nil
}

// A key signs the tokens of one type during one period.
type key struct {
	id     byte
	short  bool
	secret []byte
	idle   sync.Pool // *signer
}

// A signer holds the buffers of one signature. What goes through an interface such
// as hash.Hash cannot stay on the stack, so signers are reused.
type signer struct {
	mac     hash.Hash
	message [maxSigned]byte
	sum     [sha256.Size]byte
}

// maxSigned is the most that is signed at once: a token without its MAC.
const maxSigned = passSize - macSize

// sign returns the MAC of a token that is complete but for it.
func (k *key) sign(token []byte) (mac [macSize]byte) {
	if k.short {
		return k.signShort(token)
	}
	s, ok := k.idle.Get().(*signer)
	if !ok {
		s = &signer{mac: hmac.New(sha256.New, k.secret)}
	}
	n := copy(s.message[:], token)
	s.mac.Reset()
	s.mac.Write(s.message[:n])
	s.mac.Sum(s.sum[:0])
	copy(mac[:], s.sum[:])
	k.idle.Put(s)
	return mac
}

// signShort returns the MAC by SipHash-2-4 with 128 bits (Aumasson and Bernstein,
// 2012), which was designed to authenticate short messages. A pass is verified
// with every request, and HMAC costs five times as much.
func (k *key) signShort(token []byte) (mac [macSize]byte) {
	a, b := siphash.Hash128(binary.LittleEndian.Uint64(k.secret), binary.LittleEndian.Uint64(k.secret[8:]), token)
	binary.LittleEndian.PutUint64(mac[:], a)
	binary.LittleEndian.PutUint32(mac[8:], uint32(b))
	return mac
}

func derive(secret []byte, label string, length int) []byte {
	derived, err := hkdf.Key(sha256.New, secret, nil, label, length)
	if err != nil {
		panic(err) // HKDF fails only for lengths beyond 255 hashes
	}
	return derived
}
