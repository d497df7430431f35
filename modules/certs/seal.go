package certs

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
)

// label is what keys are derived for from the tier's secret.
const label = "theriac certificates"

const (
	idSize   = 4
	overhead = idSize + 12 + 16 // the key's id, nonce, tag
)

// Why a value cannot be opened.
var (
	errUnknownKey = errors.New("it is sealed with a secret that this edge does not have")
	errChanged    = errors.New("it was damaged, or stood elsewhere before")
)

// sealer seals values with AES-256-GCM. The first key seals; what the others have sealed is
// opened as well, so that a tier can change its secret.
type sealer struct {
	ids   [][]byte
	aeads []cipher.AEAD
}

func newSealer(keys [][]byte) *sealer {
	s := new(sealer)
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			panic(err) // AES takes 32 bytes
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			panic(err) // and GCM takes AES
		}
		id := sha256.Sum256(key)
		s.ids, s.aeads = append(s.ids, id[:idSize]), append(s.aeads, aead)
	}
	return s
}

// seal seals the value of a name: it does not open under another.
func (s *sealer) seal(name string, value []byte) []byte {
	sealed := append(make([]byte, 0, overhead+len(value)), s.ids[0]...)
	return s.aeads[0].Seal(sealed, nil, value, []byte(name))
}

// open opens what was sealed under that name. It is current if the first key has sealed it.
func (s *sealer) open(name string, sealed []byte) (value []byte, current bool, err error) {
	if len(sealed) < overhead {
		return nil, false, errChanged
	}
	for i, id := range s.ids {
		if !bytes.Equal(id, sealed[:idSize]) {
			continue
		}
		if value, err = s.aeads[i].Open(nil, nil, sealed[idSize:], []byte(name)); err != nil {
			return nil, false, errChanged
		}
		return value, i == 0, nil
	}
	return nil, false, errUnknownKey
}
