package limit

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// part appends one part of the key of this request.
type part func(key []byte, v *shop.Visit, r *http.Request) []byte

// composeKey turns the names of the key's parts into functions. A zone is spread, that
// is, used by many edges at once, unless it counts by address.
func (z *Zone) composeKey() error {
	z.limit.Spread, z.perClient = true, z.isPerClient()
	for _, name := range z.Key {
		switch {
		case name == "client":
			z.limit.Spread = false
			z.parts = append(z.parts, func(key []byte, v *shop.Visit, _ *http.Request) []byte { return append(key, v.Client[:]...) })
		case name == "subnet":
			z.limit.Spread = false
			z.parts = append(z.parts, func(key []byte, v *shop.Visit, _ *http.Request) []byte { return append(key, v.Subnet[:]...) })
		case name == "site":
			z.limit.Spread, z.perSite = false, true
			z.parts = append(z.parts, func(key []byte, v *shop.Visit, _ *http.Request) []byte { return append(key, v.Site[:]...) })
		case name == "shop":
		case strings.HasPrefix(name, "{") && strings.HasSuffix(name, "}"):
			z.values = true
			z.parts = append(z.parts, valueOf(name[1:len(name)-1]))
		case syntax.Renamed("shop_limit", name) != "":
			return fmt.Errorf("key %q is called %q now", name, syntax.Renamed("shop_limit", name))
		default:
			return fmt.Errorf("unrecognized key %q, want one of client, subnet, site, shop or a placeholder such as {http.request.header.X-Api-Key}", name)
		}
	}
	z.wholeShop = len(z.parts) == 0
	return nil
}

// valueOf appends the placeholder's value after its length, so that two values are never
// confused. Only the first maxValue bytes of a value and its length count. Those who send
// no value are many, and one of them must not use up what the others need: each is counted
// by its address.
func valueOf(placeholder string) part {
	return func(key []byte, v *shop.Visit, r *http.Request) []byte {
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		value, _ := repl.GetString(placeholder)
		key = binary.AppendUvarint(key, uint64(len(value)))
		if value == "" {
			return append(key, v.Client[:]...)
		}
		return append(key, value[:min(len(value), maxValue)]...)
	}
}

const maxValue = 512

// keySize is enough for shop, zone and two hashes, so that common keys do not allocate.
const keySize = 160

// keyOf returns the key of the request's bucket in this zone. It is a keyed hash: the
// store never sees addresses or values.
func (z *Zone) keyOf(v *shop.Visit, r *http.Request) netkey.Key {
	var room [keySize]byte
	key := append(room[:0], z.salt...)
	for _, p := range z.parts {
		key = p(key, v, r)
	}
	return z.hasher().Hash(v.Start, key)
}

// isPerClient reports whether the key can identify one client. The default key does.
func (z *Zone) isPerClient() bool {
	return len(z.Key) == 0 || slices.ContainsFunc(z.Key, func(name string) bool {
		return name == "client" || strings.HasPrefix(name, "{")
	})
}
