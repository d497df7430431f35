// Package pow is the arithmetic of the challenge: the puzzle that a browser
// solves once, and the signed tokens that carry it there and its reward back.
//
// It stands below the challenge stage and the browser's page, which are both
// held to testdata/vectors.json; it keeps no state but derived keys, reads no
// clock and knows nothing of HTTP or of any store, so who must not use a token
// twice has to burn its ID elsewhere.
//
// It fails closed: whatever is not exactly a token of this secret, type, day
// and purpose is refused with one of five errors, and only who holds a genuine
// one is told more than that it is not.
package pow

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Why a token or an answer is refused.
var (
	// ErrMalformed: it is no token of that type, or no list of answers, at all.
	ErrMalformed = errors.New("malformed")
	// ErrForged: it was not made with this secret for this purpose, or its keys
	// are so old that nobody can tell.
	ErrForged = errors.New("forged, or older than its keys")
	// ErrExpired: it is genuine, and its time is over.
	ErrExpired = errors.New("expired")
	// ErrEarly: it is genuine, and its time has not come.
	ErrEarly = errors.New("not valid yet")
	// ErrWrong: the answers do not solve the challenge.
	ErrWrong = errors.New("wrong answer")
)

// Algorithm is what a challenge asks for.
type Algorithm uint8

// The registry of algorithms. An id is never given a second meaning: tokens
// and pages of another version may be on their way.
const (
	// SHA256 asks for hashes below a threshold; see Hash.
	SHA256 Algorithm = 1
)

// Subpuzzles is K of SHA256 challenges. The time for one puzzle varies by its
// own mean; the sum of 32 small ones has a standard deviation of 18 % and is in
// 99 of 100 cases below 1.5 times the mean.
const Subpuzzles = 32

// minThreshold leaves every sub-puzzle a solution: with it, none of the 2^32
// nonces solves one in e^64 sub-puzzles.
const minThreshold = 64

// Threshold is the threshold at which Subpuzzles sub-puzzles take that many
// hashes in the mean. The dearest puzzle takes 2^31; what is not more than one
// hash for each sub-puzzle, or no number, gives the cheapest.
func Threshold(hashes float64) uint32 {
	t := Subpuzzles * (1 << 32) / hashes
	switch {
	case !(hashes > Subpuzzles): // so is what is no number
		return 1<<32 - 1
	case t < minThreshold:
		return minThreshold
	}
	return uint32(t)
}

// Hash is one try at sub-puzzle i of a sealed challenge: the first 32 bits of
// SHA-256 over sealed, i and nonce. Nonce solves i if that is below the
// challenge's threshold. The 52 bytes fit into one block of SHA-256 with its
// padding.
func Hash(sealed *Sealed, i, nonce uint32) uint32 {
	var block [sealedSize + 8]byte
	copy(block[:], sealed[:])
	binary.BigEndian.PutUint32(block[sealedSize:], i)
	binary.BigEndian.PutUint32(block[sealedSize+4:], nonce)
	sum := sha256.Sum256(block[:])
	return binary.BigEndian.Uint32(sum[:])
}

// Solved checks all answers to the challenge that was opened from sealed: K
// nonces of four bytes, big endian.
func (c *Challenge) Solved(sealed *Sealed, answers []byte) error {
	if len(answers) != 4*int(c.K) {
		return ErrMalformed
	}
	// A switch and no table of functions: through a pointer to a function the
	// compiler cannot see that sealed may stay on the stack.
	switch {
	case c.Algorithm == SHA256 && c.K != 0:
		for i := range uint32(c.K) {
			if Hash(sealed, i, binary.BigEndian.Uint32(answers[4*i:])) >= c.Threshold {
				return ErrWrong
			}
		}
		return nil
	}
	return ErrMalformed
}

// Solve finds the least nonce for each sub-puzzle, on one core: for tests, for
// vectors and to learn what a native solver costs. It returns nil if there is
// no solution.
func Solve(c *Challenge, sealed *Sealed) []byte {
	if c.Threshold == 0 {
		return nil
	}
	answers := make([]byte, 0, 4*int(c.K))
	for i := range uint32(c.K) {
		nonce := uint32(0)
		for Hash(sealed, i, nonce) >= c.Threshold {
			if nonce++; nonce == 0 {
				return nil
			}
		}
		answers = binary.BigEndian.AppendUint32(answers, nonce)
	}
	return answers
}
