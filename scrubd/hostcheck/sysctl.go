//go:build linux

package hostcheck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// procSys is where the kernel shows its sysctls.
const procSys = "/proc/sys"

// Sysctl is a sysctl that the dataplane depends on, as it was found.
type Sysctl struct {
	scrub.Setting
	Is  string `json:"is"`            // its value, after it was set
	Was string `json:"was,omitempty"` // before it was set; empty: it was not
	Bad string `json:"bad,omitempty"` // why it could not be read or set
}

// OK reports whether it is as the dataplane needs it.
func (s Sysctl) OK() bool { return s.Bad == "" && (s.Is == s.Want || s.Is == absent) }

// absent is the value of a sysctl that only the first network namespace has, or
// that the kernel was built without.
const absent = "-"

// Key is the name in the form of sysctl(8). That takes dots in an interface's name
// for separators unless the name has slashes, so such a name keeps its slashes.
func (s Sysctl) Key() string {
	if strings.Contains(s.Name, ".") {
		return s.Name
	}
	return strings.ReplaceAll(s.Name, "/", ".")
}

// Try is the command that sets it.
func (s Sysctl) Try() string {
	return fmt.Sprintf("sysctl -w %s=%s, and the same in a file of /etc/sysctl.d", s.Key(), s.Want)
}

// Sysctls reads sysctls, and sets those that are wrong if the mode is SetSysctls.
func Sysctls(settings []scrub.Setting, mode policyfile.SysctlMode) []Sysctl {
	return sysctlsBelow(procSys, settings, mode)
}

func sysctlsBelow(root string, settings []scrub.Setting, mode policyfile.SysctlMode) (all []Sysctl) {
	for _, setting := range settings {
		s := Sysctl{Setting: setting}
		path := filepath.Join(root, setting.Name)
		raw, err := os.ReadFile(path)
		s.Is = strings.TrimSpace(string(raw))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.Is = absent
		case err != nil:
			s.Bad = err.Error()
		case s.Is != s.Want && mode == policyfile.SetSysctls:
			s.Was = s.Is
			if err := os.WriteFile(path, []byte(setting.Want+"\n"), 0o644); err != nil {
				s.Bad, s.Was = err.Error(), ""
				break
			}
			s.Is = setting.Want
		}
		all = append(all, s)
	}
	return all
}

// WrongSysctl returns an error, with a hint, for the first sysctl that is not as
// the dataplane needs it.
func WrongSysctl(all []Sysctl) error {
	for _, s := range all {
		switch {
		case s.OK():
		case s.Bad != "":
			return hint.Errorf(s.Try(), "setting sysctl %s to %s: %s", s.Key(), s.Want, s.Bad)
		default:
			return hint.Errorf(s.Try(), "sysctl %s is %s, not %s: %s", s.Key(), s.Is, s.Want, s.Why)
		}
	}
	return nil
}
