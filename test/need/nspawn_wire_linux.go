package need

import (
	"os/exec"
	"testing"
)

// An End is an interface of a booted machine, with its addresses.
type End struct {
	Machine   *Machine
	Interface string
	Addresses []string // with the length of their prefix
}

// Wire connects two machines with an Ethernet cable, until one of them stops.
func Wire(t testing.TB, one, other End) {
	t.Helper()
	args := []string{
		"link", "add", one.Interface, "netns", one.Machine.leader, "type", "veth",
		"peer", "name", other.Interface, "netns", other.Machine.leader,
	}
	if out, err := exec.Command(program(t, "netns", "iproute2", "ip"), args...).CombinedOutput(); err != nil {
		t.Fatalf("connecting %s with %s: %v: %s", one.Interface, other.Interface, err, out)
	}
	for _, end := range []End{one, other} {
		for _, address := range end.Addresses {
			end.Machine.Must("ip address add " + address + " dev " + end.Interface)
		}
		end.Machine.Must("ip link set " + end.Interface + " up")
	}
}
