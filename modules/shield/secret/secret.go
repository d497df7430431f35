// Package secret is the secret of a tier as its edges use it: one that hashes and seals, and
// up to two more whose hashes and tokens still hold, so that a tier can change its secret
// edge by edge; and options whose files are read again while an edge runs.
//
// It belongs to the app shield, and knows neither Caddy nor a store. What cannot be used is
// an error, and what was used before stays in force.
package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Set is the secrets that are in force together. It never changes: a rotation puts another
// one in its place.
type Set struct {
	// The first makes keys. What the others made is still in the store.
	Hashers []*netkey.Hasher

	// The tokens of challenges, of all secrets.
	Keys *pow.Keys

	raw [][]byte
}

// Derive returns a key of 32 bytes of each secret, for what the label says.
func (s *Set) Derive(label string) (keys [][]byte) {
	for _, secret := range s.raw {
		key, err := hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
		if err != nil {
			panic(err) // HKDF fails only for lengths beyond 255 hashes
		}
		keys = append(keys, key)
	}
	return keys
}

// Parse reads one secret from each line.
func Parse(text string) (*Set, error) {
	s := new(Set)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		hasher, err := netkey.NewHasher([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(s.raw)+1, err)
		}
		s.raw, s.Hashers = append(s.raw, []byte(line)), append(s.Hashers, hasher)
	}
	if len(s.raw) == 0 {
		return nil, errors.New("it is empty")
	}
	keys, err := pow.NewKeys(s.raw...)
	if err != nil {
		return nil, err
	}
	s.Keys = keys
	return s, nil
}

// Follow has days begin by a clock on which the edges agree.
func (s *Set) Follow(clock func(time.Time) time.Time) {
	for _, hasher := range s.Hashers {
		hasher.Follow(clock)
	}
}

// Random returns a secret that nobody else has.
func Random() (*Set, error) { return Parse(rand.Text()) }

// Fingerprints tell operators which secrets these are.
func (s *Set) Fingerprints() (all []string) {
	for _, hasher := range s.Hashers {
		all = append(all, hasher.Fingerprint())
	}
	return all
}

// Unlike compares the fingerprints of other edges, by name, with those of this one, and says
// which edges would not accept each other's tokens.
func Unlike(mine []string, others map[string][]string) (all []string) {
	for node, theirs := range others {
		switch {
		case len(theirs) == 0:
		case !slices.Contains(mine, theirs[0]):
			all = append(all, fmt.Sprintf("%s uses %s, which this edge does not accept", node, theirs[0]))
		case !slices.Contains(theirs, mine[0]):
			all = append(all, fmt.Sprintf("%s does not accept %s", node, mine[0]))
		}
	}
	slices.Sort(all)
	return all
}
