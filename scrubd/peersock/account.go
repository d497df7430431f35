//go:build linux

package peersock

import (
	"os/user"
	"strconv"

	"github.com/theriac-edge/theriac/hint"
)

// Account is a user of this host.
type Account struct {
	Name     string
	UID, GID int
}

// LookupUser finds a user by name or ID.
func LookupUser(name string) (a Account, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return a, hint.Errorf("useradd --system --no-create-home "+name, "unknown user %q", name)
	}
	a.Name = u.Username
	if a.UID, err = strconv.Atoi(u.Uid); err == nil {
		a.GID, err = strconv.Atoi(u.Gid)
	}
	return a, err
}

// LookupGroup finds a group by name or ID.
func LookupGroup(name string) (gid int, err error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		g, err = user.LookupGroupId(name)
	}
	if err != nil {
		return 0, hint.Errorf("groupadd --system "+name, "unknown group %q", name)
	}
	return strconv.Atoi(g.Gid)
}

// GroupName is the name of a group, or its ID if the host does not know it.
func GroupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return "gid " + strconv.Itoa(gid)
}

// Identity looks up the user to become and the group of the socket. become is nil
// if user is empty; gid is -1, which means unchanged, if both are.
func Identity(user, group string) (become *Account, gid int, err error) {
	gid = -1
	if user != "" {
		a, err := LookupUser(user)
		if err != nil {
			return nil, 0, err
		}
		become, gid = &a, a.GID
	}
	if group != "" {
		if gid, err = LookupGroup(group); err != nil {
			return nil, 0, err
		}
	}
	return become, gid, nil
}
