//go:build linux

package hostcheck

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

func TestSysctls(t *testing.T) {
	settings := []scrub.Setting{{Name: "net/one", Want: "2"}, {Name: "net/two", Want: "1"}, {Name: "net/absent", Want: "1"}}
	for about, c := range map[string]struct {
		mode      policyfile.SysctlMode
		one, want string
		bad       bool
	}{
		"set":                   {policyfile.SetSysctls, "1", "2", false},
		"right already":         {policyfile.CheckSysctls, "2", "2", false},
		"wrong, and not set":    {policyfile.CheckSysctls, "1", "1", true},
		"right, and may be set": {policyfile.SetSysctls, "2", "2", false},
	} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "net"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"one": c.one, "two": "1"} {
			if err := os.WriteFile(filepath.Join(root, "net", name), []byte(value+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		found := sysctlsBelow(root, settings, c.mode)
		if err := WrongSysctl(found); (err != nil) != c.bad {
			t.Errorf("%s: %v", about, err)
		}
		raw, err := os.ReadFile(filepath.Join(root, "net/one"))
		if err != nil {
			t.Fatal(err)
		}
		if got := found[0].Is; got != c.want || string(raw)[:1] != c.want {
			t.Errorf("%s: it is %q, and %q stands there; want %q", about, got, raw, c.want)
		}
	}
	unwritable := sysctlsBelow("/nonexistent", settings[:1], policyfile.SetSysctls)
	if !unwritable[0].OK() || unwritable[0].Is != absent {
		t.Errorf("a sysctl that is not there: %+v", unwritable[0])
	}
}
