package visit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// keyring holds the keys that may sign requests, by their thumbprint (RFC 7638).
type keyring map[string]key

// key is one Ed25519 key and its validity; a zero time is no bound.
type key struct {
	public      ed25519.PublicKey
	from, until time.Time
}

// maxKeys bounds the ring; a real directory has a few keys.
const maxKeys = 1000

// jwk is a key as RFC 7517 and RFC 8037 write it.
type jwk struct {
	Kty string  `json:"kty"`
	Crv string  `json:"crv"`
	X   string  `json:"x"`
	D   string  `json:"d"`
	Use string  `json:"use"`
	Nbf float64 `json:"nbf"`
	Exp float64 `json:"exp"`
}

// readKeyring reads a directory of keys (a JWK set). Keys of other types than Ed25519 are
// ignored: a crawler may offer several.
func readKeyring(raw []byte, written time.Time) (keyring, time.Time, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, written, fmt.Errorf(`not a JWK set, which begins with {"keys": [: %w`, err)
	}
	if len(set.Keys) > maxKeys {
		return nil, written, fmt.Errorf("more than %d keys: is it the right file?", maxKeys)
	}
	ring := make(keyring)
	for i, k := range set.Keys {
		if k.D != "" {
			return nil, written, fmt.Errorf("key %d is a private key (it has d): store public keys only, and replace this key", i+1)
		}
		if k.Kty != "OKP" || k.Crv != "Ed25519" || k.Use != "" && k.Use != "sig" {
			continue
		}
		public, err := base64.RawURLEncoding.Strict().DecodeString(k.X)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, written, fmt.Errorf("key %d: x is not %d bytes in base64url", i+1, ed25519.PublicKeySize)
		}
		ring[thumbprint(public)] = key{public, date(k.Nbf), date(k.Exp)}
	}
	if len(ring) == 0 {
		return nil, written, errors.New("no Ed25519 key: is it the right file?")
	}
	return ring, written, nil
}

// thumbprint names a key by RFC 7638 and RFC 8037, appendix A.3.
func thumbprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// date converts seconds since 1970. Directories of the first drafts had milliseconds;
// the values differ in size until the year 5138.
func date(seconds float64) time.Time {
	const beyond = 1e11
	switch {
	case seconds <= 0 || seconds >= beyond*1000:
		return time.Time{}
	case seconds >= beyond:
		seconds /= 1000
	}
	return time.Unix(int64(seconds), 0)
}

// isValid reports whether the key may be used now.
func (k key) isValid(now time.Time) bool {
	return !now.Before(k.from) && (k.until.IsZero() || now.Before(k.until))
}
