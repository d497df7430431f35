//go:build linux

package pinset

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/hint"
)

// EthernetInterface finds an interface whose packets have an Ethernet header. The
// programs read that header: on another interface, such as a tun, ppp or WireGuard
// device, they would take the first bytes of IP packets for it, let through what they
// are to drop, and drop what they are to let through.
func EthernetInterface(name string) (*net.Interface, error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return nil, hint.Errorf("ip link; if it comes late, scrubd starts without it and attaches to it when it appears", "scrub: finding the interface %s: %w", name, err)
	}
	kind, err := linkType(name)
	if err != nil {
		return nil, fmt.Errorf("scrub: asking the kernel about %s: %w", name, err)
	}
	if kind != unix.ARPHRD_ETHER && kind != unix.ARPHRD_LOOPBACK {
		return nil, hint.Errorf("name interfaces with Ethernet only, see `ip link`",
			"scrub: the packets of %s have no Ethernet header (tun, ppp, WireGuard and other tunnels): they cannot be filtered", name)
	}
	return iface, nil
}

// linkType is what the kernel calls the kind of an interface's headers (ARPHRD_…).
func linkType(name string) (uint16, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return 0, err
	}
	return request.Uint16(), nil
}
