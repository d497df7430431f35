package clientip

import (
	"fmt"
	"net/netip"
	"sync/atomic"
)

// wellKnownNAT64 is the prefix of translators that name none (RFC 6052, section 2.1). Behind
// it all IPv4 clients are in one /64.
var wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")

// translators are the prefixes of the configuration in force. The gate asks for them before
// there is a request.
var translators atomic.Pointer[[]netip.Prefix]

func init() { SetTranslators(nil) }

// SetTranslators puts the prefixes of a configuration in force, besides the well-known one.
func SetTranslators(own []netip.Prefix) {
	all := append([]netip.Prefix{wellKnownNAT64}, own...)
	translators.Store(&all)
}

// CheckNAT64 refuses prefixes that do not end where the IPv4 address begins.
func CheckNAT64(prefixes []netip.Prefix) error {
	for _, prefix := range prefixes {
		if !prefix.Addr().Is6() || prefix.Bits() != 96 || prefix != prefix.Masked() {
			return fmt.Errorf("invalid nat64 prefix %s: want an IPv6 /96 such as 2001:db8:64::/96", prefix)
		}
	}
	return nil
}
