//go:build linux

package peersock

import (
	"os"
	"slices"
	"strings"
)

// Role is what a peer may do. A higher role includes the lower ones.
type Role uint8

// The roles.
const (
	RoleNone  Role = iota
	RoleEdge       // push bans, read status and metrics
	RoleAdmin      // everything
)

// Set is a set of users and groups, by ID.
type Set struct{ UIDs, GIDs []int }

// Contains reports whether the peer's user or one of its groups is in the set.
func (s Set) Contains(p Peer) bool {
	return slices.Contains(s.UIDs, p.UID) || slices.ContainsFunc(p.Groups, func(gid int) bool { return slices.Contains(s.GIDs, gid) })
}

// ParseSet looks up users, and groups written as @name. It fails if the host does
// not know one of them.
func ParseSet(names []string) (s Set, err error) {
	for _, name := range names {
		if group, ok := strings.CutPrefix(name, "@"); ok {
			gid, err := LookupGroup(group)
			if err != nil {
				return s, err
			}
			s.GIDs = append(s.GIDs, gid)
			continue
		}
		u, err := LookupUser(name)
		if err != nil {
			return s, err
		}
		s.UIDs = append(s.UIDs, u.UID)
	}
	return s, nil
}

// Roles says which peers have which role.
type Roles struct{ Edges, Admins Set }

// ParseRoles looks up the users and groups of both roles, see ParseSet.
func ParseRoles(edges, admins []string) (r Roles, err error) {
	if r.Edges, err = ParseSet(edges); err != nil {
		return r, err
	}
	r.Admins, err = ParseSet(admins)
	return r, err
}

// Of returns a peer's role. Root and the user of this process are admins.
func (r Roles) Of(p Peer) Role {
	switch {
	case p.UID == 0, p.UID == os.Geteuid(), r.Admins.Contains(p):
		return RoleAdmin
	case r.Edges.Contains(p):
		return RoleEdge
	}
	return RoleNone
}
