//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// A ledger is the file beside the socket that keeps what people said when they
// denied or allowed something: the kernel remembers the prefixes, but not why.
// Like the kernel's lists it does not outlive the host's next boot.
type ledger struct {
	path string

	Denied  []note `json:"denied"`
	Allowed []note `json:"allowed"`
}

// largestLedger bounds what is read: some 50,000 notes.
const largestLedger = 16 << 20

// readLedger reads what is there. A ledger that cannot be read is no reason not
// to start: the kernel has the prefixes.
func readLedger(socket string) (l ledger, err error) {
	l.path = socket + ledgerSuffix
	f, err := os.OpenFile(l.path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("reading what people said: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, largestLedger)).Decode(&l); err != nil {
		return ledger{path: l.path}, fmt.Errorf("reading what people said from %s: %w", l.path, err)
	}
	sayable := len(l.Denied) + len(l.Allowed)
	l.Denied, l.Allowed = slices.DeleteFunc(l.Denied, note.wrong), slices.DeleteFunc(l.Allowed, note.wrong)
	if wrong := sayable - len(l.Denied) - len(l.Allowed); wrong > 0 {
		return l, fmt.Errorf("reading what people said from %s: %d notes are of prefixes that nobody can have named", l.path, wrong)
	}
	return l, nil
}

// wrong reports whether people can not have said it: the ledger was damaged.
func (n note) wrong() bool {
	return order{Prefix: n.Prefix, Why: n.Why}.check() != nil || n.Prefix.Bits() < widestByPeople.of(n.Prefix) ||
		n.Until.Sub(n.Since) > longest
}

// write puts the ledger in the place of the one before.
func (l ledger) write(denied, allowed []note) error {
	l.Denied, l.Allowed = denied, allowed
	raw, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("writing down what people said: %w", err)
	}
	next := l.path + ".next"
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("writing down what people said: %w", err)
	}
	if err := os.Rename(next, l.path); err != nil {
		return fmt.Errorf("writing down what people said: %w", err)
	}
	return nil
}
