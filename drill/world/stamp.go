package world

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// secret is that of the edges of drills, so that the drill can make stamps.
const secret = "only-for-drills-on-loopback"

// StampCookie is the name of the cookie in which browsers keep a stamp.
func (w *World) StampCookie() string { return w.cookiePrefix() + "theriac-seen" }

// seenBefore is how long ago an earlier visit was.
const seenBefore = 24 * time.Hour

// Stamp is what a browser keeps from a visit to the shop a day before. The drill makes
// it as an edge does, instead of visiting the shops before: hundreds of visits within a
// second are an attack to an edge, and it would be prepared. Nil: the world has no edge.
func (w *World) Stamp(shop string, from netip.Addr, agent string) (*http.Cookie, error) {
	if w.Kind != Shield {
		return nil, nil
	}
	keys, err := pow.NewKeys([]byte(secret))
	if err != nil {
		return nil, fmt.Errorf("making a stamp: %w", err)
	}
	hasher, err := netkey.NewHasher([]byte(secret))
	if err != nil {
		return nil, fmt.Errorf("making a stamp: %w", err)
	}
	now := time.Now()
	subnet := hasher.Subnet(now, from)
	stamp := pow.Stamp{
		Issued: now.Add(-seenBefore), Day: pow.DayOf(now), Net: binary.LittleEndian.Uint64(subnet[:8]),
		Binding: keys.Binding(shop, agent),
	}
	return &http.Cookie{Name: w.StampCookie(), Value: string(keys.AppendStamp(nil, &stamp, now)), Path: "/"}, nil
}
