package pow

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Stamp says since when a visitor has been known, and nothing else.
type Stamp struct {
	// When it was given, in whole seconds, UTC.
	Issued time.Time

	// Random, so that two visitors of one second do not share a stamp.
	ID [6]byte
}

// StampLife is how long a stamp opens, and the longest that browsers keep a
// cookie. Keys of stamps change every 30 days and open for 14 periods more, so
// that none goes before its time.
const StampLife = 400 * day

// AppendStamp makes a stamp for a visitor of that shop, and appends its text of
// 32 characters, which can stand in a cookie.
func (k *Keys) AppendStamp(dst []byte, shop string, now time.Time) []byte {
	s := Stamp{Issued: now}
	rand.Read(s.ID[:]) // ends the program rather than fail
	key := k.stamps.sealing(now)
	token := s.wire(key.id)
	return key.seal(dst, token[:], shop)
}

// OpenStamp reads the text of a stamp of that shop; another shop's is forged
// here. A genuine stamp is also returned with ErrExpired, and with ErrEarly,
// which means that it is from more than two minutes ahead.
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

// wire is the token without its MAC: type, key id, issued (4), ID (6).
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
