package lab

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Features of an interface, by the commands of ethtool that set them.
const (
	setGRO        = 0x2c // ETHTOOL_SGRO
	setTxChecksum = 0x17 // ETHTOOL_STXCSUM
)

// setFeature does what `ethtool -K` does. It works on the thread's namespace.
func setFeature(iface string, command, value uint32) error {
	type ifreq struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // the kernel's union is larger than a pointer
	}
	type feature struct{ command, value uint32 }
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("asking for a feature of %s: %w", iface, err)
	}
	defer unix.Close(fd)
	wanted := &feature{command, value}
	request := ifreq{data: unsafe.Pointer(wanted)}
	copy(request.name[:unix.IFNAMSIZ-1], iface)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(wanted)
	if errno != 0 {
		return fmt.Errorf("setting feature %#x of %s to %d: %w", command, iface, value, errno)
	}
	return nil
}

// tune makes a veth behave as a network card does. A packet that an XDP program sends
// is lost unless the receiving side polls, for which GRO must be on; and no hardware
// completes the checksum of a packet that such a program forwards, so the sender
// must.
func (n *Namespace) tune(iface string) error {
	return n.Do(func() error {
		if err := setFeature(iface, setGRO, 1); err != nil {
			return err
		}
		return setFeature(iface, setTxChecksum, 0)
	})
}

// OffloadChecksums makes senders leave checksums to an interface, as with most network
// cards. Its peer must not forward packets by XDP then.
func (n *Namespace) OffloadChecksums(iface string) error {
	return n.Do(func() error { return setFeature(iface, setTxChecksum, 1) })
}
