package features

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What the kernel calls its family of messages about network devices, and in
// them (include/uapi/linux/netdev.h, since 6.3).
const (
	netdevFamily     = "netdev"
	netdevDevGet     = 1
	netdevIfindex    = 1
	netdevFeatures   = 3
	netdevXDPIsBasic = 1 // XDP_ABORTED, DROP, PASS, TX

	ctrlVersion = 1
)

// Native reports whether the driver of an interface can run XDP programs
// itself. It attaches nothing, which some drivers take for a reason to lose
// the link for seconds.
func Native(name string) (bool, error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return false, fmt.Errorf("scrub: finding the interface %s: %w", name, err)
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return false, fmt.Errorf("scrub: asking the kernel about %s: %w", name, err)
	}
	defer unix.Close(fd)
	patience := unix.NsecToTimeval(time.Second.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return false, fmt.Errorf("scrub: asking the kernel about %s: %w", name, err)
	}
	id, err := askGeneric(fd, unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, unix.CTRL_ATTR_FAMILY_NAME, append([]byte(netdevFamily), 0), unix.CTRL_ATTR_FAMILY_ID)
	if err != nil || len(id) < 2 {
		return false, fmt.Errorf("scrub: asking the kernel about %s, which one before 6.3 does not answer: %w", name, err)
	}
	index := binary.NativeEndian.AppendUint32(nil, uint32(iface.Index))
	has, err := askGeneric(fd, binary.NativeEndian.Uint16(id), netdevDevGet, netdevIfindex, index, netdevFeatures)
	if err != nil || len(has) < 8 {
		return false, fmt.Errorf("scrub: asking the kernel about %s: %w", name, err)
	}
	return binary.NativeEndian.Uint64(has)&netdevXDPIsBasic != 0, nil
}

// askGeneric sends a generic netlink message with one attribute, and returns
// one attribute of the answer.
func askGeneric(fd int, family uint16, command uint8, attribute uint16, value []byte, want uint16) ([]byte, error) {
	body := []byte{command, ctrlVersion, 0, 0}
	body = binary.NativeEndian.AppendUint16(body, uint16(unix.SizeofNlAttr+len(value)))
	body = binary.NativeEndian.AppendUint16(body, attribute)
	body = append(body, value...)
	body = append(body, make([]byte, -len(body)&3)...)
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	message = binary.NativeEndian.AppendUint16(message, family)
	message = binary.NativeEndian.AppendUint16(message, unix.NLM_F_REQUEST)
	message = append(message, make([]byte, 8)...) // number and port: the only one under way
	if err := unix.Sendto(fd, append(message, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	answer := make([]byte, os.Getpagesize()*4)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return nil, err
	}
	return attributeOf(answer[:n], want)
}

// attributeOf finds an attribute in an answer.
func attributeOf(answer []byte, want uint16) ([]byte, error) {
	if len(answer) < unix.SizeofNlMsghdr+4 {
		return nil, errors.New("the answer is cut short")
	}
	if binary.NativeEndian.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		return nil, unix.Errno(-int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])))
	}
	return attribute(answer[unix.SizeofNlMsghdr+4:], want)
}

// attribute finds an attribute among those that follow each other.
func attribute(rest []byte, want uint16) ([]byte, error) {
	for len(rest) >= unix.SizeofNlAttr {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofNlAttr || size > len(rest) {
			break
		}
		if binary.NativeEndian.Uint16(rest[2:]) == want {
			return rest[unix.SizeofNlAttr:size], nil
		}
		rest = rest[min(len(rest), (size+3)&^3):]
	}
	return nil, errors.New("the answer does not say")
}
