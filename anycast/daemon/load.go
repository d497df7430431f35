package daemon

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// loadMeter measures what arrives at a link.
type loadMeter struct {
	link     string
	capacity float64
	bytes    uint64
	at       time.Time
	now      float64 // the last load; 0: not known
}

// measure returns load and capacity in bits per second; both are 0 if one is not known.
func (m *loadMeter) measure(now time.Time) (load, capacity float64) {
	m.now = 0
	if m.link == "" || m.capacity == 0 {
		return 0, 0
	}
	raw, err := os.ReadFile(filepath.Join("/sys/class/net", filepath.Base(m.link), "statistics/rx_bytes"))
	bytes, bad := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
	if err != nil || bad != nil {
		return 0, 0
	}
	before, at := m.bytes, m.at
	m.bytes, m.at = bytes, now
	if at.IsZero() || bytes < before || !now.After(at) {
		return 0, 0
	}
	m.now = 8 * float64(bytes-before) / now.Sub(at).Seconds()
	return m.now, m.capacity
}

// connections counts the established TCP connections to addresses of the tier. It is asked while
// the edge leaves, as it reads the table of all sockets.
func connections(addrs []netip.AddrPort) (n int) {
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if f, err := os.Open(name); err == nil {
			n += established(f, addrs)
			f.Close()
		}
	}
	return n
}

// established counts in the kernel's table: local address, remote address and state are its
// second to fourth column, and 01 is established.
func established(table io.Reader, addrs []netip.AddrPort) (n int) {
	local := map[netip.AddrPort]bool{}
	for _, a := range addrs {
		local[a] = true
	}
	for lines := bufio.NewScanner(table); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || f[3] != "01" {
			continue
		}
		if addr, ok := parseKernelAddr(f[1]); ok && local[addr] {
			n++
		}
	}
	return n
}

// parseKernelAddr reads an address as the kernel of a little-endian machine prints it: each 32
// bits backwards.
func parseKernelAddr(text string) (addr netip.AddrPort, ok bool) {
	host, port, found := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	number, bad := strconv.ParseUint(port, 16, 16)
	if !found || err != nil || bad != nil || len(raw)%4 != 0 {
		return addr, false
	}
	for i := 0; i < len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), ok
}
