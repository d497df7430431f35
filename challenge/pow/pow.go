// Package pow is the proof of work of the challenge: the puzzle that a browser
// solves once, and the signed tokens that carry the puzzle there and the reward
// back.
//
// modules/challenge and the page in challenge/browser build on it, and both are
// tested against testdata/vectors.json. The package keeps no state but derived
// keys, reads no clock and knows neither HTTP nor a store: a caller that must not
// accept a token twice records its ID elsewhere.
//
// It fails closed: what is not exactly a token of this secret, type, day and
// purpose is refused with one of five errors. Only the holder of a genuine token
// learns more than that a token is not genuine.
package pow

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Why a token or the answers to a challenge are refused.
var (
	// ErrMalformed: not a token of this type, or not a list of answers.
	ErrMalformed = errors.New("malformed")
	// ErrForged: not issued with this secret for this purpose, or issued with a
	// key that is too old to tell.
	ErrForged = errors.New("forged, or older than its keys")
	// ErrExpired: genuine, and its time is over.
	ErrExpired = errors.New("expired")
	// ErrEarly: genuine, and its time has not come.
	ErrEarly = errors.New("not valid yet")
	// ErrWrong: the answers do not solve the challenge.
	ErrWrong = errors.New("wrong answer")
)

// Algorithm is the kind of puzzle of a challenge.
type Algorithm uint8

// The registry of algorithms. A number is never reused: tokens and pages of
// another version may be under way.
const (
	// SHA256 asks for hashes below a threshold, as Hashcash does (Back, 2002); see
	// Hash.
	SHA256 Algorithm = 1
)

// Subpuzzles is K of SHA256 challenges. The standard deviation of the time for one
// puzzle is as large as its mean; the sum of 32 small ones has a standard deviation
// of 18 % and is in 99 of 100 cases below 1.5 times the mean.
const Subpuzzles = 32

// minThreshold leaves every sub-puzzle a solution: with it, none of the 2^32
// nonces solves one in e^64 sub-puzzles.
const minThreshold = 64

// Threshold returns the threshold at which Subpuzzles sub-puzzles take this many
// hashes on average. The most expensive puzzle takes 2^31; NaN and values up to one
// hash for each sub-puzzle give the cheapest.
func Threshold(hashes float64) uint32 {
	t := Subpuzzles * (1 << 32) / hashes
	switch {
	case !(hashes > Subpuzzles): // true for NaN
		return 1<<32 - 1
	case t < minThreshold:
		return minThreshold
	}
	return uint32(t)
}

// Hash is one try at sub-puzzle i of a sealed challenge: the first 32 bits of
// SHA-256 over sealed, i and nonce, both big endian. The nonce solves i if the
// result is below the challenge's threshold. The 52 bytes and their padding fit
// into one block of SHA-256.
func Hash(sealed *Sealed, i, nonce uint32) uint32 {
	var block [sealedSize + 8]byte
	copy(block[:], sealed[:])
	binary.BigEndian.PutUint32(block[sealedSize:], i)
	binary.BigEndian.PutUint32(block[sealedSize+4:], nonce)
	sum := sha256.Sum256(block[:])
	return binary.BigEndian.Uint32(sum[:])
}

// Solved verifies the answers to the challenge that OpenChallenge returned with
// sealed: K nonces of four bytes, big endian. It returns ErrMalformed or ErrWrong.
func (c *Challenge) Solved(sealed *Sealed, answers []byte) error {
	if len(answers) != 4*int(c.K) {
		return ErrMalformed
	}
	// A switch instead of a table of functions: through a function pointer the
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

// Solve finds the smallest nonce for each sub-puzzle, on one core: for tests, for
// vectors and to measure a native solver. It returns nil if there is no solution.
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
