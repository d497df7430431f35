//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// renounce becomes the user, if there is one, and gives all privileges away for
// good. What scrubd still does needs none: since Linux 5.19 a map that is open
// can be read and written by whoever holds it, also where unprivileged BPF is
// off, and the program needs 6.0 anyway.
func renounce(become *account) error {
	if become != nil {
		// Both keep the capabilities, which go below.
		if err := cap.SetGroups(become.gid); err != nil {
			return fmt.Errorf("becoming a member of group %d alone: %w", become.gid, err)
		}
		if err := cap.SetUID(become.uid); err != nil {
			return fmt.Errorf("becoming user %s: %w", become.name, err)
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
			return fmt.Errorf("preparing to give privileges away: %w", err)
		}
		if err := errors.Join(cap.ResetAmbient(), cap.DropBound(all...)); err != nil {
			return fmt.Errorf("giving privileges away for programs to come: %w", err)
		}
	}
	if err := cap.NewSet().SetProc(); err != nil {
		return fmt.Errorf("giving privileges away: %w", err)
	}
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("forbidding new privileges: %w", err)
	}
	if left := privilegesLeft(); left != "" {
		return fmt.Errorf("giving privileges away: %s are left", left)
	}
	return nil
}

// privilegesLeft are the capabilities that this process has or could take.
func privilegesLeft() string {
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

// privileges are what a scrubd may do on its host, for people.
type privileges struct {
	UID          int    `json:"uid"`
	User         string `json:"user"`
	Capabilities string `json:"capabilities"` // empty: none
	NoNew        bool   `json:"no_new_privs"`
}

func ownPrivileges() privileges {
	uid := os.Geteuid()
	n, err := cap.Prctl(unix.PR_GET_NO_NEW_PRIVS)
	return privileges{UID: uid, User: peer{uid: uid}.name(), Capabilities: privilegesLeft(), NoNew: err == nil && n == 1}
}
