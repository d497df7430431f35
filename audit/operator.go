package audit

import (
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Unknown stands for an operator whom the kernel does not name.
const Unknown = "unknown"

// A Peer is the process at the other end of a unix socket.
type Peer struct {
	UID, GID int
	PID      int // 0: this process cannot see it
}

// Operator names the user of a process at the other end of a connection: by name, or
// by ID if the host does not know it. For root it adds the user that logged in, if
// the process is known (pid is not 0) and the host records log-ins: "root (login
// alice)" is alice, with sudo or su.
func Operator(uid, pid int) string {
	name := nameOf(uid)
	if uid != 0 || pid == 0 {
		return name // the login of a process that is not root's would be a guess: its ID may be taken by another one
	}
	if login, ok := loginOf(pid); ok && login != 0 {
		name += " (login " + nameOf(login) + ")"
	}
	return name
}

func nameOf(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// loginOf returns the user that a process was logged in as, which the kernel keeps
// through sudo and su.
func loginOf(pid int) (uid int, ok bool) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/loginuid")
	if err != nil {
		return 0, false
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 32)
	return int(id), err == nil && id != math.MaxUint32 // which stands for none
}
