package life

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Neighbours returns the addresses at which this process and another one listen. Caddy sets
// SO_REUSEPORT, with which the kernel lets them and gives each a part of the connections.
func Neighbours() (shared []string) {
	own := make(map[string]bool) // inodes of this process's sockets
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil {
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				own[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	ours, theirs := make(map[string]bool), make(map[string]bool)
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		for at, inodes := range listenersIn(table) {
			for _, inode := range inodes {
				if own[inode] {
					ours[at] = true
				} else {
					theirs[at] = true
				}
			}
		}
	}
	for at := range ours {
		if theirs[at] {
			shared = append(shared, at)
		}
	}
	slices.Sort(shared)
	return shared
}

// listenersIn reads the listening sockets of a table of the kernel: their addresses, and
// the inodes of the sockets there. See proc(5).
func listenersIn(path string) map[string][]string {
	file, err := os.Open(path)
	if err != nil {
		return nil // no IPv6, or no /proc
	}
	defer file.Close()
	found := make(map[string][]string)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		const listening = "0A"
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		if at, ok := procAddress(fields[1]); ok {
			found[at] = append(found[at], fields[9])
		}
	}
	return found
}

// procAddress reads an address as the kernel prints it: words of 32 bits in the order of
// this machine, which is little-endian wherever an edge runs.
func procAddress(text string) (string, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || len(raw)%4 != 0 {
		return "", false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	addr, ok := netip.AddrFromSlice(raw)
	number, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr, uint16(number)).String(), ok && err == nil
}
