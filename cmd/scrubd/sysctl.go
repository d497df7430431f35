//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/theriac-edge/theriac/hint"

	"github.com/theriac-edge/theriac/scrub"
)

// sysctlMode says whether scrubd sets the sysctls it depends on.
type sysctlMode uint8

const (
	setSysctls sysctlMode = iota
	checkSysctls
)

func (m sysctlMode) String() string {
	if m == checkSysctls {
		return "check"
	}
	return "set"
}

// MarshalText writes the mode as it is read.
func (m sysctlMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads set or check.
func (m *sysctlMode) UnmarshalText(text []byte) error {
	switch string(text) {
	case "set":
		*m = setSysctls
	case "check":
		*m = checkSysctls
	default:
		return fmt.Errorf("sysctls is %s; it is set or check", strconv.Quote(string(text)))
	}
	return nil
}

// procSys is where the kernel shows its sysctls.
const procSys = "/proc/sys"

// sysctl is how one of them is.
type sysctl struct {
	scrub.Setting
	Is  string `json:"is"`            // as it was found, and left
	Was string `json:"was,omitempty"` // before it was set
	Bad string `json:"bad,omitempty"` // why it could not be read or set
}

// ok reports whether it is as the dataplane needs it.
func (s sysctl) ok() bool { return s.Bad == "" && (s.Is == s.Want || s.Is == absent) }

// absent is a sysctl that only the first network namespace has, or a kernel that
// leaves no choice.
const absent = "-"

// name is how people write it. An interface may have dots in its name, which
// sysctl(8) takes for slashes unless there are slashes, too.
func (s sysctl) name() string {
	if strings.Contains(s.Name, ".") {
		return s.Name
	}
	return strings.ReplaceAll(s.Name, "/", ".")
}

func (s sysctl) try() string {
	return fmt.Sprintf("sysctl -w %s=%s, and the same in a file of /etc/sysctl.d", s.name(), s.Want)
}

// examine reads the sysctls below root, and sets those that are wrong if it
// is told to.
func examine(root string, settings []scrub.Setting, mode sysctlMode) (found []sysctl) {
	for _, setting := range settings {
		s := sysctl{Setting: setting}
		path := filepath.Join(root, setting.Name)
		raw, err := os.ReadFile(path)
		s.Is = strings.TrimSpace(string(raw))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.Is = absent
		case err != nil:
			s.Bad = err.Error()
		case s.Is != s.Want && mode == setSysctls:
			s.Was = s.Is
			if err := os.WriteFile(path, []byte(setting.Want+"\n"), 0o644); err != nil {
				s.Bad, s.Was = err.Error(), ""
				break
			}
			s.Is = setting.Want
		}
		found = append(found, s)
	}
	return found
}

// wrong is an error if a sysctl is not as the dataplane needs it.
func wrong(all []sysctl) error {
	for _, s := range all {
		switch {
		case s.ok():
		case s.Bad != "":
			return hint.Errorf(s.try(), "setting sysctl %s to %s: %s", s.name(), s.Want, s.Bad)
		default:
			return hint.Errorf(s.try(), "sysctl %s is %s, not %s: %s", s.name(), s.Is, s.Want, s.Why)
		}
	}
	return nil
}
