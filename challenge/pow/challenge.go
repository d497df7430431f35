package pow

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Challenge is the work that a visitor's browser does for a pass. Times are whole
// seconds, and in UTC when they come out of a token.
type Challenge struct {
	// The kind of puzzle.
	Algorithm Algorithm

	// How many sub-puzzles there are: Subpuzzles for SHA256.
	K uint8

	// The shop's level when it was issued, 0 to 15.
	Level uint8

	// How many times the price was raised, 0 to 15.
	Rise uint8

	// A sub-puzzle is solved by a hash below this.
	Threshold uint32

	// From this time on answers are refused with ErrExpired.
	Expires time.Time

	// Random, made by AppendChallenge: what the caller marks as used.
	ID [11]byte

	// The shop and browser that it is bound to; see Keys.Binding.
	Binding uint64

	// Which secret it was sealed with, set when it is opened: 0 is the first. Binding
	// is a hash under that secret.
	Secret int
}

// Sealed is a challenge with its MAC, as decoded from its text. The work covers
// all of it.
type Sealed = [sealedSize]byte

// AppendChallenge issues c: it sets a fresh ID and appends the token, 59
// characters that are safe in a URL.
func (k *Keys) AppendChallenge(dst []byte, c *Challenge, now time.Time) []byte {
	rand.Read(c.ID[:]) // ends the program rather than fail
	key := k.challenges.sealing(now)
	token := c.wire(key.id)
	return key.seal(dst, token[:])
}

// OpenChallenge verifies a token and returns the challenge and the bytes that its
// work covers. The caller checks that Binding is the visitor's own and that ID was
// not used before. With ErrExpired the challenge is returned as well, so that it
// can be renewed at its price.
func (k *Keys) OpenChallenge(text string, now time.Time) (c Challenge, sealed Sealed, err error) {
	if err := decode(sealed[:], text, typeChallenge); err != nil {
		return Challenge{}, Sealed{}, err
	}
	secret, err := k.challenges.verify(sealed[:], sealed[3], now)
	if err != nil {
		return Challenge{}, Sealed{}, err
	}
	c.read(&sealed)
	c.Secret = secret
	if !now.Before(c.Expires) {
		err = ErrExpired
	}
	return c, sealed, err
}

// wire returns the token without its MAC: type, algorithm, K, key ID, threshold (4),
// expiry (4), level and rise, ID (11), binding (8).
func (c *Challenge) wire(keyID byte) (w Sealed) {
	w[0], w[1], w[2], w[3] = typeChallenge, byte(c.Algorithm), c.K, keyID
	binary.BigEndian.PutUint32(w[4:], c.Threshold)
	binary.BigEndian.PutUint32(w[8:], seconds(c.Expires))
	w[12] = c.Level<<4 | c.Rise&15
	copy(w[13:], c.ID[:])
	binary.BigEndian.PutUint64(w[24:], c.Binding)
	return w
}

func (c *Challenge) read(w *Sealed) {
	c.Algorithm, c.K = Algorithm(w[1]), w[2]
	c.Threshold = binary.BigEndian.Uint32(w[4:])
	c.Expires = timeOf(binary.BigEndian.Uint32(w[8:]))
	c.Level, c.Rise = w[12]>>4, w[12]&15
	c.ID = [11]byte(w[13:])
	c.Binding = binary.BigEndian.Uint64(w[24:])
}
