package pow

import (
	"crypto/subtle"
	"encoding/base64"
	"math"
	"time"
)

// The first byte of a token: its type, and in the low half the version of its
// format.
const (
	typeChallenge = 0x11
	typePass      = 0x21
	typeStamp     = 0x32
)

// The sizes of the tokens in bytes. The last 12 are the MAC, cut to 96 bits:
// HMAC-SHA-256, for passes SipHash. Guessing one takes a response of an edge for
// each try.
const (
	macSize    = 12
	sealedSize = 44
	passSize   = 48
	stampSize  = 42
)

// encoding is strict: one token has one text.
var encoding = base64.RawURLEncoding.Strict()

// skew is how far the clocks of two edges may differ that do not agree on a time, as while they
// cannot reach the store.
const skew = 2 * time.Hour

// seal signs a token that is complete but for its MAC, and appends its base64url.
func (k *key) seal(dst, token []byte) []byte {
	mac := k.sign(token[:len(token)-macSize])
	copy(token[len(token)-macSize:], mac[:])
	return encoding.AppendEncode(dst, token)
}

// decode decodes a token, which must have exactly this type and size.
func decode(token []byte, text string, kind byte) error {
	var ascii [passSize / 3 * 4]byte
	if len(text) != encoding.EncodedLen(len(token)) {
		return ErrMalformed
	}
	// Base64 skips line ends, so a text of the right length may still be too short.
	n, err := encoding.Decode(token, ascii[:copy(ascii[:], text)])
	if err != nil || n != len(token) || token[0] != kind {
		return ErrMalformed
	}
	return nil
}

// verify finds the secret with which a token was sealed.
func (r rings) verify(token []byte, id byte, now time.Time) (secret int, err error) {
	for secret, ring := range r {
		if err = ring.verify(token, id, now); err == nil {
			return secret, nil
		}
	}
	return 0, err
}

// verify compares a token's MAC with that of the key that the token names.
func (r *ring) verify(token []byte, id byte, now time.Time) error {
	k := r.opening(now, id)
	if k == nil {
		return ErrForged
	}
	mac := k.sign(token[:len(token)-macSize])
	if subtle.ConstantTimeCompare(mac[:], token[len(token)-macSize:]) != 1 {
		return ErrForged
	}
	return nil
}

// seconds is the time in a token: 32 bits last until 2106.
func seconds(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 0), math.MaxUint32))
}

func timeOf(seconds uint32) time.Time { return time.Unix(int64(seconds), 0).UTC() }
