package denylist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// A StateFile keeps author and reason of manual entries: the kernel keeps the
// prefixes alone. Like the kernel's lists it need not survive a reboot.
type StateFile struct {
	path string

	Denied  []Annotation `json:"denied"`
	Allowed []Annotation `json:"allowed"`
}

// maxStateFile bounds what is read: some 50,000 annotations.
const maxStateFile = 16 << 20

// ReadStateFile reads the file at path. It is fine if there is none. With an error
// comes what could be read: scrubd can start without it, because the kernel has the
// prefixes.
func ReadStateFile(path string) (s StateFile, err error) {
	s.path = path
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the state file: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxStateFile)).Decode(&s); err != nil {
		return StateFile{path: path}, fmt.Errorf("reading the state file %s: %w", path, err)
	}
	read := len(s.Denied) + len(s.Allowed)
	s.Denied, s.Allowed = slices.DeleteFunc(s.Denied, Annotation.damaged), slices.DeleteFunc(s.Allowed, Annotation.damaged)
	if n := read - len(s.Denied) - len(s.Allowed); n > 0 {
		return s, fmt.Errorf("reading the state file %s: %d entries are not valid and were skipped", path, n)
	}
	return s, nil
}

// damaged reports whether no operator can have said it.
func (a Annotation) damaged() bool {
	return a.Check() != nil || a.Prefix.Bits() < widestByManual.of(a.Prefix) || a.Until.Sub(a.Since) > MaxManualTTL
}

// write replaces the state file.
func (s StateFile) write(denied, allowed []Annotation) error {
	s.Denied, s.Allowed = denied, allowed
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing the state file: %w", err)
	}
	next := s.path + ".next"
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("writing the state file: %w", err)
	}
	if err := os.Rename(next, s.path); err != nil {
		return fmt.Errorf("writing the state file: %w", err)
	}
	return nil
}
