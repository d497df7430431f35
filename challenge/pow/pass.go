package pow

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Kind is how a pass was earned, which decides its budget.
type Kind uint8

// The kinds of passes. The zero value is worth less.
const (
	// Waited passes were given to browsers without JavaScript after a delay.
	Waited Kind = 0
	// Work passes were earned by a solved puzzle.
	Work Kind = 1
)

// Pass is what a visitor gets for a solved challenge. Times are whole seconds, and
// in UTC when they come out of a token.
type Pass struct {
	// How it was earned.
	Kind Kind

	// The shop's level at which it was earned, 0 to 15.
	Level uint8

	// How many times the price of its challenge was raised, 0 to 15.
	Rise uint8

	// When it was earned.
	Issued time.Time

	// From this time on it is refused with ErrExpired. The keys allow one day.
	Expires time.Time

	// Random, made by AppendPass: the key of its budget.
	ID [8]byte

	// A hash of the network from which it was earned.
	Net uint64

	// The shop and browser that it is bound to; see Keys.Binding.
	Binding uint64

	// Which secret it was sealed with, set when it is opened: 0 is the first. Net and
	// Binding are hashes under that secret.
	Secret int
}

// AppendPass issues p: it sets a fresh ID and appends the token, 64 characters
// that are safe in a cookie.
func (k *Keys) AppendPass(dst []byte, p *Pass, now time.Time) []byte {
	rand.Read(p.ID[:]) // ends the program rather than fail
	key := k.passes.sealing(now)
	token := p.wire(key.id)
	return key.seal(dst, token[:])
}

// OpenPass verifies a token and returns the pass. The caller checks that Binding
// is the visitor's own and that its budget is not used up. With ErrExpired the
// pass is returned as well. A pass issued more than two hours in the future comes
// from an edge whose clock is wrong, or from a stolen secret: ErrEarly.
func (k *Keys) OpenPass(text string, now time.Time) (p Pass, err error) {
	var token [passSize]byte
	if err := decode(token[:], text, typePass); err != nil {
		return Pass{}, err
	}
	secret, err := k.passes.verify(token[:], token[1], now)
	if err != nil {
		return Pass{}, err
	}
	p.read(&token)
	p.Secret = secret
	switch {
	case !now.Before(p.Expires):
		err = ErrExpired
	case p.Issued.Sub(now) > skew:
		err = ErrEarly
	}
	return p, err
}

// wire returns the token without its MAC: type, key ID, kind, level and rise, issued
// (4), expiry (4), ID (8), net (8), binding (8).
func (p *Pass) wire(keyID byte) (w [passSize]byte) {
	w[0], w[1], w[2], w[3] = typePass, keyID, byte(p.Kind), p.Level<<4|p.Rise&15
	binary.BigEndian.PutUint32(w[4:], seconds(p.Issued))
	binary.BigEndian.PutUint32(w[8:], seconds(p.Expires))
	copy(w[12:], p.ID[:])
	binary.BigEndian.PutUint64(w[20:], p.Net)
	binary.BigEndian.PutUint64(w[28:], p.Binding)
	return w
}

func (p *Pass) read(w *[passSize]byte) {
	p.Kind, p.Level, p.Rise = Kind(w[2]), w[3]>>4, w[3]&15
	p.Issued = timeOf(binary.BigEndian.Uint32(w[4:]))
	p.Expires = timeOf(binary.BigEndian.Uint32(w[8:]))
	p.ID = [8]byte(w[12:])
	p.Net = binary.BigEndian.Uint64(w[20:])
	p.Binding = binary.BigEndian.Uint64(w[28:])
}
