package pow

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Challenge is what a visitor has to do before he gets a pass. Times are whole
// seconds, in UTC when they come out of a token.
type Challenge struct {
	// What is asked for.
	Algorithm Algorithm

	// How many sub-puzzles there are: Subpuzzles for SHA256.
	K uint8

	// The shop's level when it was issued, 0 to 15.
	Level uint8

	// How often the price was raised, 0 to 15.
	Rise uint8

	// A sub-puzzle is solved by a hash below it.
	Threshold uint32

	// The time from which it is worth nothing.
	Expires time.Time

	// Random, made when the challenge is issued: what is burnt on its use.
	ID [11]byte

	// What it is bound to; see Keys.Binding.
	Binding uint64
}

// Sealed is a challenge with its MAC, as its text says it. The work is bound to
// all of it.
type Sealed = [sealedSize]byte

// AppendChallenge issues c: it gives it a fresh ID, and appends its text of 59
// characters, which can stand in a URL.
func (k *Keys) AppendChallenge(dst []byte, c *Challenge, now time.Time) []byte {
	rand.Read(c.ID[:]) // ends the program rather than fail
	key := k.challenges.sealing(now)
	token := c.wire(key.id)
	return key.seal(dst, token[:], "")
}

// OpenChallenge reads the text of a challenge, and what its work is bound to.
// Whether Binding is the visitor's own, and ID was used before, is left to the
// caller. A genuine challenge is also returned with ErrExpired, so that it can
// be renewed at its price.
func (k *Keys) OpenChallenge(text string, now time.Time) (c Challenge, sealed Sealed, err error) {
	if err := decode(sealed[:], text, typeChallenge); err != nil {
		return Challenge{}, Sealed{}, err
	}
	if err := k.challenges.verify(sealed[:], sealed[3], "", now); err != nil {
		return Challenge{}, Sealed{}, err
	}
	c.read(&sealed)
	if !now.Before(c.Expires) {
		err = ErrExpired
	}
	return c, sealed, err
}

// wire is the token without its MAC: type, algorithm, k, key id, threshold (4),
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
