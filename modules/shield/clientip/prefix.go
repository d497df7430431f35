package clientip

import (
	"fmt"
	"net/netip"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/gaissmai/bart"
)

// Prefix returns the prefix of one client: an IPv4 address, or the /64 around
// an IPv6 address.
func Prefix(addr netip.Addr) netip.Prefix { return cut(addr, 32, 64) }

// Subnet returns the widest prefix that is ever banned, a /24 or /48. It is
// also what customers protect.
func Subnet(addr netip.Addr) netip.Prefix { return cut(addr, 24, 48) }

func cut(addr netip.Addr, v4, v6 int) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := v6
	if addr.Is4() {
		bits = v4
	}
	prefix, _ := addr.Prefix(bits) // fails for the zero address only: then the prefix is invalid too
	return prefix
}

// Table returns a lookup table of prefixes. One of IPv4 addresses in IPv6 form, or
// behind a translator, has the IPv4 addresses in it, since [Of] returns them so.
func Table(prefixes []netip.Prefix) *bart.Lite {
	table := new(bart.Lite)
	for _, prefix := range prefixes {
		if addr := Plain(prefix.Addr()); addr.Is4() && prefix.Addr().Is6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr, prefix.Bits()-96)
		}
		table.Insert(prefix.Masked())
	}
	return table
}

// ParsePrefix reads an address, as clients are counted, or a prefix.
func ParsePrefix(text string) (netip.Prefix, error) {
	prefix, err := caddyhttp.CIDRExpressionToPrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("invalid address or prefix %q: want one such as 192.0.2.7 or 192.0.2.0/24", text)
	}
	if prefix.IsSingleIP() {
		addr := Plain(prefix.Addr())
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	return prefix.Masked(), nil
}

// FormatPrefix writes a prefix as operators do: a single address without bits.
func FormatPrefix(prefix netip.Prefix) string {
	if prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return prefix.String()
}
