package pow

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Stamp records when a visitor was first seen, and nothing else.
type Stamp struct {
	// When it was issued, in whole seconds, UTC.
	Issued time.Time

	// Random, so that two visitors in the same second do not share a stamp.
	ID [6]byte
}

// StampLife is how long a stamp is valid, and the longest that browsers keep a
// cookie. Stamp keys change every 30 days and are accepted for 14 periods more, so
// that no stamp is refused before its time.
const StampLife = 400 * day

// AppendStamp issues a stamp for a visitor of this shop and appends the token, 32
// characters that are safe in a cookie.
func (k *Keys) AppendStamp(dst []byte, shop string, now time.Time) []byte {
	s := Stamp{Issued: now}
	rand.Read(s.ID[:]) // ends the program rather than fail
	key := k.stamps.sealing(now)
	token := s.wire(key.id)
	return key.seal(dst, token[:], shop)
}

// OpenStamp verifies a token of this shop; another shop's is ErrForged. With
// ErrExpired, and with ErrEarly for a stamp issued more than two minutes in the
// future, the stamp is returned as well.
func (k *Keys) OpenStamp(text, shop string, now time.Time) (s Stamp, err error) {
	var token [stampSize]byte
	if err := decode(token[:], text, typeStamp); err != nil {
		return Stamp{}, err
	}
	if err := k.stamps.verify(token[:], token[1], shop, now); err != nil {
		return Stamp{}, err
	}
	s.read(&token)
	switch age := now.Sub(s.Issued); {
	case age >= StampLife:
		err = ErrExpired
	case age < -skew:
		err = ErrEarly
	}
	return s, err
}

// wire returns the token without its MAC: type, key ID, issued (4), ID (6).
func (s *Stamp) wire(keyID byte) (w [stampSize]byte) {
	w[0], w[1] = typeStamp, keyID
	binary.BigEndian.PutUint32(w[2:], seconds(s.Issued))
	copy(w[6:], s.ID[:])
	return w
}

func (s *Stamp) read(w *[stampSize]byte) {
	s.Issued = timeOf(binary.BigEndian.Uint32(w[2:]))
	s.ID = [6]byte(w[6:])
}
