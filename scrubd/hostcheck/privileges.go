//go:build linux

package hostcheck

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/theriac-edge/theriac/scrubd/peersock"
)

// DropPrivileges switches to the account, unless it is nil, and drops every
// capability for good, on all threads. What scrubd does afterwards needs none:
// since Linux 5.19 a process may read and write a map that it has open, even where
// unprivileged BPF is off, and the dataplane needs 6.0 anyway.
func DropPrivileges(become *peersock.Account) error {
	if become != nil {
		// Both keep the capabilities, which are dropped below.
		if err := cap.SetGroups(become.GID); err != nil {
			return fmt.Errorf("switching to group %d alone: %w", become.GID, err)
		}
		if err := cap.SetUID(become.UID); err != nil {
			return fmt.Errorf("switching to user %s: %w", become.Name, err)
		}
	}
	var all []cap.Value
	for c := cap.Value(0); c < cap.MaxBits(); c++ {
		if bound, err := cap.GetBound(c); err == nil && bound {
			all = append(all, c)
		}
	}
	have := cap.GetProc()
	if may, err := have.GetFlag(cap.Permitted, cap.SETPCAP); err == nil && may {
		if err := errors.Join(have.SetFlag(cap.Effective, true, cap.SETPCAP), have.SetProc()); err != nil {
			return fmt.Errorf("preparing to drop privileges: %w", err)
		}
		if err := errors.Join(cap.ResetAmbient(), cap.DropBound(all...)); err != nil {
			return fmt.Errorf("emptying the ambient and bounding sets: %w", err)
		}
	}
	if err := cap.NewSet().SetProc(); err != nil {
		return fmt.Errorf("dropping privileges: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	if left := capabilities(); left != "" {
		return fmt.Errorf("dropping privileges: %s remain", left)
	}
	return nil
}

// capabilities are those that this process has or could take.
func capabilities() string {
	have := cap.GetProc()
	var left []string
	for c := cap.Value(0); c < cap.MaxBits(); c++ {
		effective, err := have.GetFlag(cap.Effective, c)
		permitted, err2 := have.GetFlag(cap.Permitted, c)
		if err == nil && err2 == nil && (effective || permitted) {
			left = append(left, c.String())
		}
	}
	return strings.Join(left, " ")
}

// Privileges are those of a process.
type Privileges struct {
	UID          int    `json:"uid"`
	User         string `json:"user"`
	Capabilities string `json:"capabilities"` // empty: none
	NoNew        bool   `json:"no_new_privs"`
}

// OwnPrivileges returns those of this process.
func OwnPrivileges() Privileges {
	uid := os.Geteuid()
	n, err := cap.Prctl(unix.PR_GET_NO_NEW_PRIVS)
	return Privileges{UID: uid, User: peersock.Peer{UID: uid}.Name(), Capabilities: capabilities(), NoNew: err == nil && n == 1}
}
