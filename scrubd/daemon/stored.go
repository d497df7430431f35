//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/theriac-edge/theriac/scrubd/denylist"
)

// stored is the state file of the lists, in a directory of scrubd's user: what scrubd
// writes after it has switched users goes there.
type stored struct {
	path   string
	damage string // what was wrong with it at the start
}

// Where the state file is, and where it was: beside the socket before 1.0, then in a
// directory there, which does not survive a boot.
const (
	stateDir     = "state"
	stateFile    = "lists.json"
	besideSocket = ".d"
	firstSuffix  = ".state"
)

// store makes the directory of the state file: in the unit's StateDirectory, which
// survives boots, or beside the socket where systemd gives none. A file that an earlier
// release has left elsewhere is moved there.
func store(socket string, uid, gid int) (s stored, err error) {
	dir := socket + besideSocket
	if given, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); given != "" {
		dir = filepath.Join(given, stateDir)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return s, fmt.Errorf("creating the directory of the state file: %w", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Lchown(dir, uid, gid); err != nil {
			return s, fmt.Errorf("giving the directory of the state file to user %d: %w", uid, err)
		}
	}
	s.path = filepath.Join(dir, stateFile)
	for _, old := range []string{filepath.Join(socket+besideSocket, stateFile), socket + firstSuffix} {
		if _, err := os.Lstat(s.path); errors.Is(err, os.ErrNotExist) && old != s.path {
			_ = move(old, s.path) // there is one after an upgrade only
		}
	}
	return s, nil
}

// move moves a file, also to another file system.
func move(from, to string) error {
	source, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err = errors.Join(err, target.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return os.Remove(from)
}

// bootID is where the kernel names this boot.
const bootID = "/proc/sys/kernel/random/boot_id"

// read reads the state file. One that is damaged is moved aside, and scrubd starts with
// what could be read.
func (s *stored) read(log *slog.Logger) denylist.StateFile {
	boot, err := os.ReadFile(bootID)
	if err != nil {
		log.Warn("cannot tell this boot from earlier ones: what was allowed without an end before the boot is allowed still", "error", err)
	}
	state, err := denylist.ReadStateFile(s.path, strings.TrimSpace(string(boot)))
	if err == nil {
		return state
	}
	aside := s.path + ".damaged"
	s.damage = fmt.Sprintf("%v; it was moved to %s", err, aside)
	if failed := os.Rename(s.path, aside); failed != nil {
		s.damage = errors.Join(err, failed).Error()
	}
	log.Error("the state file is damaged: of what operators have denied and allowed, what could not be read is lost", "error", s.damage, "try", "scrubd deny list; scrubd allow list")
	return state
}
