//go:build linux

package peersock_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/scrubd/peersock"
)

// The role of a peer is the highest that its user or one of its groups has.
func ExampleRoles_Of() {
	roles := peersock.Roles{
		Edges:  peersock.Set{UIDs: []int{54321}},
		Admins: peersock.Set{GIDs: []int{54400}},
	}
	edge := peersock.Peer{UID: 54321, Groups: []int{54321}}
	operator := peersock.Peer{UID: 54322, Groups: []int{54322, 54400}}
	other := peersock.Peer{UID: 54323, Groups: []int{54323}}
	fmt.Println(roles.Of(edge) == peersock.RoleEdge, roles.Of(operator) == peersock.RoleAdmin, roles.Of(other) == peersock.RoleNone)
	// Output: true true true
}
