// Package shop is the vocabulary that all stages share: which shop, which
// client, what class of request, and the Visit that carries them.
//
// It knows neither HTTP nor a store nor Caddy, and nothing in it fails at run time: invalid
// values are refused when the configuration is read.
package shop

import (
	"fmt"
	"strings"
)

// ID is the name of one shop, as in `shield loewen`. It is part of metrics, logs and keys
// of the shared store, so its alphabet is small.
type ID string

// maxID keeps keys and metric labels short.
const maxID = 40

// ParseID accepts what can be a metric label, a key and a file name alike.
func ParseID(s string) (ID, error) {
	if s == "" {
		return "", fmt.Errorf("a shop needs a name of a-z, 0-9 and '-', such as loewen")
	}
	if len(s) > maxID {
		return "", fmt.Errorf("shop name %q has %d bytes; at most %d are allowed", s, len(s), maxID)
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return "", fmt.Errorf("shop name %q has %q in it; use a-z, 0-9 and '-' only", s, r)
		}
	}
	if strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") {
		return "", fmt.Errorf("shop name %q must not begin or end with '-'", s)
	}
	return ID(s), nil
}

// Contact is what a refused customer reads: the name of the shop, and how to reach it.
type Contact struct {
	// The shop's name as its customers know it. Default: the shop's ID.
	Name string `json:"name,omitempty"`

	// A telephone number under which a refused customer can order.
	Phone string `json:"phone,omitempty"`

	// The URL or path of the shop's legal notice.
	Imprint string `json:"imprint,omitempty"`
}
