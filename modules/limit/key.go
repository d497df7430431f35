package limit

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// part appends what one part of the key is for this request.
type part func(key []byte, v *shop.Visit, r *http.Request) []byte

// composeKey turns the words of the key into functions. A zone is spread,
// that is, met by many edges at once, unless it counts by address.
func (z *Zone) composeKey() error {
	z.limit.Spread, z.personal = true, z.countsOne()
	for _, word := range z.Key {
		switch {
		case word == "client":
			z.limit.Spread = false
			z.parts = append(z.parts, func(key []byte, v *shop.Visit, _ *http.Request) []byte { return append(key, v.Client[:]...) })
		case word == "subnet":
			z.limit.Spread = false
			z.parts = append(z.parts, func(key []byte, v *shop.Visit, _ *http.Request) []byte { return append(key, v.Subnet[:]...) })
		case word == "shop":
		case strings.HasPrefix(word, "{") && strings.HasSuffix(word, "}"):
			z.values = true
			z.parts = append(z.parts, valueOf(word[1:len(word)-1]))
		case shield.Renamed("shop_limit", word) != "":
			return fmt.Errorf("key %q is called %q now", word, shield.Renamed("shop_limit", word))
		default:
			return fmt.Errorf("key %q: use client, subnet, shop or a placeholder such as {http.request.header.X-Api-Key}", word)
		}
	}
	return nil
}

// valueOf appends the placeholder's value behind its length, so that two
// values never run into each other. What is longer than maxValue counts by its
// beginning and its length.
func valueOf(placeholder string) part {
	return func(key []byte, v *shop.Visit, r *http.Request) []byte {
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		value, _ := repl.GetString(placeholder)
		key = binary.AppendUvarint(key, uint64(len(value)))
		return append(key, value[:min(len(value), maxValue)]...)
	}
}

const maxValue = 512

// keySize is room for shop, zone and two hashes, so that the common keys cost
// no allocation.
const keySize = 160

// keyOf is what the request counts under in this zone. It is a keyed hash:
// the store learns neither addresses nor values.
func (z *Zone) keyOf(v *shop.Visit, r *http.Request) netkey.Key {
	var room [keySize]byte
	key := append(room[:0], z.salt...)
	for _, p := range z.parts {
		key = p(key, v, r)
	}
	return z.hasher.Hash(v.Start, key)
}

// countsOne reports whether the key can stand for one client. The default key
// does.
func (z *Zone) countsOne() bool {
	return len(z.Key) == 0 || slices.ContainsFunc(z.Key, func(word string) bool {
		return word == "client" || strings.HasPrefix(word, "{")
	})
}
