package pow

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Stamp records when a visitor was first seen, and in which network on the last day that
// it opened a page.
type Stamp struct {
	// When it was first issued, in whole seconds, UTC. Renewing does not change it.
	Issued time.Time

	// The day, counted from 1970, on which Net was recorded.
	Day uint16

	// Random, so that two visitors in the same second do not share a stamp.
	ID [6]byte

	// A hash of the network from which the visitor came on that day.
	Net uint64

	// The shop and browser that it is bound to; see Keys.Binding.
	Binding uint64

	// Which secret it was sealed with, set when it is opened: 0 is the first. Net and
	// Binding are hashes under that secret.
	Secret int
}

// StampLife is how long a stamp is valid, and the longest that browsers keep a
// cookie. Stamp keys change every 30 days and are accepted for 14 periods more, so
// that no stamp is refused before its time.
const StampLife = 400 * day

// AppendStamp issues s, or renews it, and appends the token, 56 characters that are safe
// in a cookie. A stamp without an ID gets a fresh one.
func (k *Keys) AppendStamp(dst []byte, s *Stamp, now time.Time) []byte {
	if s.ID == [6]byte{} {
		rand.Read(s.ID[:]) // ends the program rather than fail
	}
	key := k.stamps.sealing(now)
	token := s.wire(key.id)
	return key.seal(dst, token[:])
}

// OpenStamp verifies a token and returns the stamp. The caller checks that Binding is the
// visitor's own. With ErrExpired, and with ErrEarly for a stamp issued more than two
// hours in the future, the stamp is returned as well.
func (k *Keys) OpenStamp(text string, now time.Time) (s Stamp, err error) {
	var token [stampSize]byte
	if err := decode(token[:], text, typeStamp); err != nil {
		return Stamp{}, err
	}
	secret, err := k.stamps.verify(token[:], token[1], now)
	if err != nil {
		return Stamp{}, err
	}
	s.read(&token)
	s.Secret = secret
	switch age := now.Sub(s.Issued); {
	case age >= StampLife:
		err = ErrExpired
	case age < -skew:
		err = ErrEarly
	}
	return s, err
}

// DayOf returns the day of a time (UTC), counted from 1970, as a stamp records it.
func DayOf(t time.Time) uint16 { return uint16(seconds(t) / uint32(day/time.Second)) }

// wire returns the token without its MAC: type, key ID, issued (4), day (2), ID (6), net
// (8), binding (8).
func (s *Stamp) wire(keyID byte) (w [stampSize]byte) {
	w[0], w[1] = typeStamp, keyID
	binary.BigEndian.PutUint32(w[2:], seconds(s.Issued))
	binary.BigEndian.PutUint16(w[6:], s.Day)
	copy(w[8:], s.ID[:])
	binary.BigEndian.PutUint64(w[14:], s.Net)
	binary.BigEndian.PutUint64(w[22:], s.Binding)
	return w
}

func (s *Stamp) read(w *[stampSize]byte) {
	s.Issued = timeOf(binary.BigEndian.Uint32(w[2:]))
	s.Day = binary.BigEndian.Uint16(w[6:])
	s.ID = [6]byte(w[8:])
	s.Net = binary.BigEndian.Uint64(w[14:])
	s.Binding = binary.BigEndian.Uint64(w[22:])
}
