//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/theriac-edge/theriac/hint"

	"golang.org/x/sys/unix"
)

// A peer is the process at the other end of the socket, as the kernel vouches
// for it.
type peer struct {
	uid    int
	groups []int
}

// name is how people know it.
func (p peer) name() string {
	if u, err := user.LookupId(strconv.Itoa(p.uid)); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(p.uid)
}

// peerOf asks the kernel who connected.
func peerOf(conn *net.UnixConn) (p peer, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return p, fmt.Errorf("asking who connected: %w", err)
	}
	var bad error
	if err := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, bad = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); bad != nil {
			return
		}
		p.uid = int(cred.Uid)
		p.groups, bad = peerGroups(fd)
		p.groups = append(p.groups, int(cred.Gid))
	}); err != nil {
		return p, fmt.Errorf("asking who connected: %w", err)
	}
	if bad != nil {
		return p, fmt.Errorf("asking who connected: %w", bad)
	}
	return p, nil
}

// peerGroups are the supplementary groups of who connected.
func peerGroups(fd uintptr) ([]int, error) {
	gids := make([]uint32, 64)
	for {
		size := uint32(4 * len(gids))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&gids[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == unix.ERANGE && len(gids) <= 1<<16: // the kernel's own bound
			gids = make([]uint32, size/4+1)
		case errno != 0:
			return nil, errno
		default:
			var groups []int
			for _, gid := range gids[:size/4] {
				groups = append(groups, int(gid))
			}
			return groups, nil
		}
	}
}

// power is what a peer may do.
type power uint8

const (
	powerless power = iota
	mayJudge        // pass verdicts, and ask how things are
	mayAll
)

// crowd is a set of users and groups.
type crowd struct{ uids, gids []int }

func (c crowd) holds(p peer) bool {
	return slices.Contains(c.uids, p.uid) || slices.ContainsFunc(p.groups, func(gid int) bool { return slices.Contains(c.gids, gid) })
}

// crowdOf looks up users, and groups written as @name.
func crowdOf(names []string) (c crowd, err error) {
	for _, name := range names {
		if group, ok := strings.CutPrefix(name, "@"); ok {
			gid, err := groupOf(group)
			if err != nil {
				return c, err
			}
			c.gids = append(c.gids, gid)
			continue
		}
		u, err := userOf(name)
		if err != nil {
			return c, err
		}
		c.uids = append(c.uids, u.uid)
	}
	return c, nil
}

// account is a user of this host.
type account struct {
	name     string
	uid, gid int
}

// userOf finds a user by name or number.
func userOf(name string) (a account, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return a, hint.Errorf("useradd --system --no-create-home "+name, "no user %q on this host", name)
	}
	a.name = u.Username
	if a.uid, err = strconv.Atoi(u.Uid); err == nil {
		a.gid, err = strconv.Atoi(u.Gid)
	}
	return a, err
}

// groupOf finds a group by name or number.
func groupOf(name string) (gid int, err error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		g, err = user.LookupGroupId(name)
	}
	if err != nil {
		return 0, hint.Errorf("groupadd --system "+name, "no group %q on this host", name)
	}
	return strconv.Atoi(g.Gid)
}

// groupName is how people know a group.
func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return "gid " + strconv.Itoa(gid)
}

// peers says who may do what.
type peers struct{ edges, admins crowd }

func (ps peers) power(p peer) power {
	switch {
	case p.uid == 0, p.uid == os.Geteuid(), ps.admins.holds(p):
		return mayAll
	case ps.edges.holds(p):
		return mayJudge
	}
	return powerless
}
