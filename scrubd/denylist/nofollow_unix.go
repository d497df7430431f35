//go:build unix

package denylist

import "syscall"

// noFollow has the open of a symbolic link fail: the directory belongs to scrubd's
// user, and root reads from it at the next start.
const noFollow = syscall.O_NOFOLLOW
