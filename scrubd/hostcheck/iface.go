//go:build linux

package hostcheck

import (
	"net"
	"slices"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// checkInterface reports how an interface would run the program, or why it cannot.
func checkInterface(name, pins string) Finding {
	what := "interface " + name
	iface, err := pinset.EthernetInterface(name)
	if err != nil {
		return finding(what, "", "", err)
	}
	if err := checkVacant(iface, pins); err != nil {
		return finding(what, "", "", err)
	}
	native, err := features.Native(name)
	switch {
	case err != nil:
		return finding(what, "", "ip link", err)
	case !native:
		return Finding{What: what, OK: true, Is: "generic: the driver does not support XDP, so the kernel runs it at several times the cost"}
	}
	return Finding{What: what, OK: true, Is: "native"}
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
			return hint.Errorf("detach it by the means of what attached it, or `ip link set dev "+iface.Name+" xdp off`",
				"another XDP program is attached to %s: %s", iface.Name, p)
		}
	}
	return nil
}
