//go:build linux

package hostcheck

import (
	"fmt"
	"net"
	"slices"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// checkInterface reports how an interface would run the program, or why it cannot. With
// frags the program takes packets of several pages.
func checkInterface(name, pins string, frags bool) Finding {
	what := "interface " + name
	iface, err := pinset.EthernetInterface(name)
	if err != nil {
		return finding(what, "", "", err)
	}
	if err := checkVacant(iface, pins); err != nil {
		return finding(what, "", "", err)
	}
	native, err := features.Native(name)
	a := pinset.Attachment{Interface: name, Index: iface.Index}
	switch {
	case err != nil:
		return finding(what, "", "ip link", err)
	case native && (frags || iface.MTU <= pinset.MaxMTU()):
		return Finding{What: what, OK: true, Is: "native"}
	case native:
		a.Jumbo = iface.MTU
	}
	return Finding{What: what, OK: true, Is: "generic, at several times the cost: " + WhyGeneric(a)}
}

// WhyGeneric says why a driver does not run the program at an interface, and what helps.
func WhyGeneric(a pinset.Attachment) string {
	if a.Jumbo == 0 {
		return "the driver does not support XDP"
	}
	return fmt.Sprintf("the MTU %d is above %d, about the most at which drivers run a program that sees a packet in one page; "+
		"try: ip link set dev %s mtu %[2]d, scrubd unload, systemctl restart scrubd", a.Jumbo, pinset.MaxMTU(), a.Interface)
}

// checkVacant rejects an interface to which another XDP program is attached than
// those that are pinned: the kernel takes one program for each interface.
func checkVacant(iface *net.Interface, pins string) error {
	attached, err := features.Attached(iface.Index)
	if err != nil || len(attached) == 0 {
		return err
	}
	own, err := pinset.Programs(pins, pinset.Ingress)
	if err != nil {
		return hint.Errorf("as root", "an XDP program is attached to %s, %s, and whether it is scrubd's cannot be told: %w", iface.Name, attached[0], err)
	}
	for _, p := range attached {
		if !slices.Contains(own, p.ID) {
			return pinset.Occupied(iface.Name, p)
		}
	}
	return nil
}
