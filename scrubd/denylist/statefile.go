package denylist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// A StateFile keeps what operators have denied and allowed, with author and reason, over
// restarts, upgrades and boots: the kernel forgets its lists when it boots, and never
// knew why. What has no end is forgotten at a boot.
type StateFile struct {
	path string

	Boot    string       `json:"boot"` // names the boot at which it was written
	Denied  []Annotation `json:"denied"`
	Allowed []Annotation `json:"allowed"`
}

// maxStateFile bounds the file: some 50,000 annotations.
const maxStateFile = 16 << 20

// ReadStateFile reads the file at path; boot names this boot of the host. It is fine if
// there is none. With an error comes what could be read: scrubd starts without the rest.
func ReadStateFile(path, boot string) (s StateFile, err error) {
	none := StateFile{path: path, Boot: boot}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, os.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("reading the state file: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxStateFile)).Decode(&s); err != nil {
		return none, fmt.Errorf("reading the state file %s: %w", path, err)
	}
	read := len(s.Denied) + len(s.Allowed)
	s.Denied, s.Allowed = slices.DeleteFunc(s.Denied, Annotation.damaged), slices.DeleteFunc(s.Allowed, Annotation.damaged)
	if n := read - len(s.Denied) - len(s.Allowed); n > 0 {
		err = fmt.Errorf("reading the state file %s: %d entries are not valid and were skipped", path, n)
	}
	if s.Boot != "" && s.Boot != boot { // a file of an earlier release does not say
		s.Allowed = slices.DeleteFunc(s.Allowed, func(a Annotation) bool { return a.Until.IsZero() })
	}
	s.path, s.Boot = path, boot
	return s, err
}

// damaged reports whether no operator can have said it.
func (a Annotation) damaged() bool {
	return a.Check() != nil || a.Prefix.Bits() < widestByManual.of(a.Prefix) || a.Until.Sub(a.Since) > MaxManualTTL
}

// write replaces the state file, in a directory in which others may have made a link.
func (s StateFile) write(denied, allowed []Annotation) error {
	s.Denied, s.Allowed = denied, allowed
	raw, err := json.Marshal(s)
	if err == nil && len(raw) > maxStateFile {
		err = fmt.Errorf("it would have more than %d MiB", maxStateFile>>20)
	}
	next := s.path + ".next"
	if err == nil {
		_ = os.Remove(next) // of a scrubd that was killed
		err = writeNew(next, raw)
	}
	if err == nil {
		err = os.Rename(next, s.path)
	}
	if err != nil {
		return fmt.Errorf("writing the state file: %w", err)
	}
	return nil
}

// writeNew writes a file that must not exist, and waits until it is on disk.
func writeNew(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Sync(), f.Close())
}
