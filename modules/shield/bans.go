package shield

import (
	"fmt"
	"net/netip"
)

// Bans says what becomes of clients who ignore refusals, attack again and
// again, or send junk instead of solutions.
type Bans struct {
	// `on` bans them, at all edges; `shadow` counts and logs whom it would ban;
	// `off` does neither. Bans of people hold with `on` only. Default: on.
	Mode Mode `json:"mode,omitempty"`

	// How many clients may be banned in a minute for what they did at one shop,
	// over all edges, so that nobody can use the list as a weapon. Default: 60.
	MaxPerMinute int `json:"max_per_minute,omitempty"`
}

// Mode is what the bans do.
type Mode string

// The modes.
const (
	BansOn     Mode = "on"
	BansShadow Mode = "shadow"
	BansOff    Mode = "off"
)

func (m Mode) valid() bool { return m == BansOn || m == BansShadow || m == BansOff }

// defaultCap bans a rented network within minutes, and a mistake of ours costs
// a shop no more than a handful of its customers before somebody looks.
const defaultCap = 60

// UnmarshalJSON reads the settings, and says what a field is called now that had
// another name before 1.0.
func (b *Bans) UnmarshalJSON(raw []byte) error {
	type plain Bans
	return UnmarshalStrict(raw, "shield bans", (*plain)(b))
}

func (b *Bans) fillDefaults() {
	if b.Mode == "" {
		b.Mode = BansOn
	}
	if b.MaxPerMinute == 0 {
		b.MaxPerMinute = defaultCap
	}
}

func (b *Bans) validate() error {
	if !b.Mode.valid() {
		return fmt.Errorf("shield: bans are on, shadow or off, not %q", b.Mode)
	}
	if b.MaxPerMinute < 1 {
		return fmt.Errorf("shield: the cap of bans is %d; it must be at least 1", b.MaxPerMinute)
	}
	return nil
}

// A ban for all shops is about an address that TCP or QUIC has proven, or that
// people named: it holds at every door, down to the scrubber. One for a single
// shop holds for requests only: that is all that can be said of an address that
// a trusted proxy named.

// clientOf is the prefix of one client: an IPv4 address, or the /64 around an
// IPv6 address.
func clientOf(addr netip.Addr) netip.Prefix { return cut(addr, 32, 64) }

// netOf is the widest that is ever banned, and what customers vouch for.
func netOf(addr netip.Addr) netip.Prefix { return cut(addr, 24, 48) }

func cut(addr netip.Addr, v4, v6 int) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := v6
	if addr.Is4() {
		bits = v4
	}
	prefix, _ := addr.Prefix(bits) // fails for no address at all: then it is invalid, too
	return prefix
}
