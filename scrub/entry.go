package scrub

import (
	"errors"
	"net/netip"
	"time"
)

// Entry is an entry of the deny list as its owner gives it.
type Entry struct {
	Prefix       netip.Prefix
	Until        time.Time // zero: for good
	Cause, Owner uint32    // numbers of the caller's own, see Denied
}

// Denied is an entry of the deny list or the allow list as the kernel has it.
type Denied struct {
	Prefix  netip.Prefix `json:"prefix"`
	Until   time.Time    `json:"until,omitzero"` // zero: for good
	Cause   uint32       `json:"cause"`          // as in Entry
	Owner   uint32       `json:"owner"`          // as in Entry
	Packets uint64       `json:"packets"`        // dropped (or passed) because of it
}

// OwnerFile is the owner of the entries that the policy file lists.
const OwnerFile = ^uint32(0)

// ErrFull is returned if a list has no room for another entry.
var ErrFull = errors.New("the deny list is full")
