package load

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// Limits of a drill, which shares the machine with its target.
const (
	MaxRate     = 20_000 // requests per second
	MaxClients  = 10_000
	MaxShoppers = 500
	MaxDuration = 10 * time.Minute
)

// Loopback reads a URL and returns the address to dial. It refuses everything
// but this machine. Names are not resolved, so none can point elsewhere:
// localhost and the names below it are 127.0.0.1.
func Loopback(flag, raw string) (*url.URL, netip.AddrPort, error) {
	const try = "http://127.0.0.1:8080; a drill never leaves the machine that it runs on"
	refuse := func(why string) (*url.URL, netip.AddrPort, error) {
		return nil, netip.AddrPort{}, hint.Errorf(try, "reading --%s %q: %s", flag, raw, why)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return refuse("it is not a URL")
	}
	if u.Scheme != "http" || u.User != nil {
		return refuse("it must begin with http:// and contain no user")
	}
	host, port := u.Hostname(), u.Port()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "80"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return refuse(fmt.Sprintf("%q is not a loopback address", host))
	}
	addr = addr.Unmap()
	if !addr.IsLoopback() || addr.Zone() != "" {
		return refuse(fmt.Sprintf("%s is not a loopback address", addr))
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return refuse(fmt.Sprintf("%q is not a valid port", port))
	}
	return u, netip.AddrPortFrom(addr, uint16(n)), nil
}

// FloodAddr is the i-th source address of a flood. Successive ones are in
// networks of their own (/24), as the members of a botnet are.
func FloodAddr(i int) netip.Addr {
	const networks = 1 << 14 // those of 127.64.0.0/10
	n, host := i%networks, i/networks
	return netip.AddrFrom4([4]byte{127, byte(64 + n>>8), byte(n), byte(1 + host)})
}

// CustomerAddr is the address of the i-th customer, outside of those of floods, and
// each in a network of its own as well.
func CustomerAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(128 + i>>8), byte(i), 1})
}
