//go:build !linux

package need

import (
	"net"
	"os/exec"
	"strconv"
)

// dieWithParent does nothing: only Linux can. A test that panics may leave its
// process behind here.
func dieWithParent(*exec.Cmd) {}

// inOwnNetNS reports that there are no network namespaces here.
func inOwnNetNS(*exec.Cmd) bool { return false }

// reserve finds out whether a port of 127.0.0.1 is free. Nothing keeps another test from it.
func reserve(port int) (release func(), err error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return func() {}, l.Close()
}
