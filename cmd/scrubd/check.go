//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/theriac-edge/theriac/scrub"
)

// finding is one line of the examination.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Is   string `json:"is"`
	Try  string `json:"try,omitempty"`
}

func checkCommand() *cobra.Command {
	return withConfig(&cobra.Command{
		Use: "check", Short: "Examines whether this host can run the dataplane, and says what to try where it cannot", Args: cobra.NoArgs,
		Long: `
Examines this host: kernel, privileges, BPF file system, sysctls, the policy file
and the interfaces that it names. It changes nothing, except that root mounts the
BPF file system where it belongs. Exit code 1 if something is not as it should be.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return tellFindings(cmd, examineHost(flag(cmd, "config")))
		},
	})
}

// tellFindings prints an examination, and fails if something is wrong.
func tellFindings(cmd *cobra.Command, all []finding) error {
	raw, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	if err := show(cmd, append(raw, '\n'), printFindings); err != nil {
		return err
	}
	bad := 0
	for _, f := range all {
		if !f.OK {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d are not as they should be", bad, len(all))
	}
	return nil
}

func printFindings(out io.Writer, all []finding) {
	t := table(out, "WHAT\tOK\tIS")
	for _, f := range all {
		ok := "ok"
		if !f.OK {
			ok = "NO"
		}
		is, _, _ := strings.Cut(f.Is, "\n")
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.What, ok, is)
		if !f.OK && f.Try != "" {
			fmt.Fprintf(t, "\t\ttry: %s\n", f.Try)
		}
	}
	t.Flush()
}

// found makes a finding of what failed, or did not.
func found(what, is, try string, err error) finding {
	if err == nil {
		return finding{What: what, OK: true, Is: is}
	}
	if better := hint.Of(err); better != "" {
		try = better
	}
	return finding{What: what, Is: err.Error(), Try: try}
}

// examineHost goes through all that the dataplane needs.
func examineHost(path string) (all []finding) {
	release := kernelRelease()
	all = append(all, found("kernel", release, "a kernel of 6.0 or later", kernelFits(release)))
	all = append(all, found("privileges", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN", "sudo scrubd check", mayLoad()))
	for _, f := range scrub.Features() {
		all = append(all, found(f.What, f.Is, f.Try, f.Missing))
	}
	f, err := readFile(path)
	all = append(all, found("policy file", path, "scrubd policy check --config "+path, err))
	settings, needed := settings{Pins: scrub.DefaultPins}, scrub.Settings
	if err == nil {
		settings, needed = f.Daemon, f.Config.Settings()
	}
	all = append(all, examineBPFFS(settings.Pins))
	for _, s := range examine(procSys, needed, checkSysctls) {
		all = append(all, examineSysctl(s, f != nil && settings.Sysctls == setSysctls))
	}
	if f == nil {
		return all
	}
	for _, name := range f.Interfaces {
		all = append(all, examineInterface(name))
	}
	_, _, err = f.Daemon.identity()
	_, err2 := f.Daemon.peers()
	return append(all, found("users", "all known", "", cmp.Or(err, err2)))
}

// examineBPFFS says whether pins can be where they are to be. As root it mounts
// what is missing.
func examineBPFFS(pins string) finding {
	var err error
	if os.Geteuid() == 0 {
		_, err = mountBPFFS(pins)
	} else if !isBPFFS(pins) {
		err = fmt.Errorf("%s is in no BPF file system", pins)
	}
	return found("bpffs", "mounted, for "+pins, "mount -t bpf bpf "+bpffs, err)
}

// examineSysctl says how a sysctl is, and whether scrubd will set it.
func examineSysctl(s sysctl, willSet bool) finding {
	what := "sysctl " + s.name()
	switch {
	case s.Bad != "":
		return finding{What: what, Is: s.Bad, Try: s.try()}
	case s.Is == absent:
		return finding{What: what, OK: true, Is: "not of this network namespace, or the kernel leaves no choice"}
	case s.ok():
		return finding{What: what, OK: true, Is: s.Is}
	case willSet:
		return finding{What: what, OK: true, Is: s.Is + "; scrubd will set it to " + s.Want}
	}
	return finding{What: what, Is: s.Is + ", not " + s.Want + ": " + s.Why, Try: s.try()}
}

// examineInterface says how an interface would run the program.
func examineInterface(name string) finding {
	what := "interface " + name
	native, err := features.Native(name)
	switch {
	case err != nil:
		return found(what, "", "ip link", err)
	case !native:
		return finding{What: what, OK: true, Is: "generic: the driver cannot run XDP, the kernel does at several times the cost"}
	}
	return finding{What: what, OK: true, Is: "native"}
}

func kernelRelease() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // never fails
	return unix.ByteSliceToString(u.Release[:])
}

// kernelFits refuses kernels before 6.0, the first that can make and check SYN
// cookies in XDP.
func kernelFits(release string) error {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("%s is no number of a kernel", release)
	}
	if major < 6 {
		return fmt.Errorf("%s is before 6.0, the first that can make SYN cookies in XDP", release)
	}
	return nil
}

// mayLoad says which capabilities are missing. Without CAP_PERFMON the kernel
// hardens programs against side channels, and refuses this one.
func mayLoad() error {
	var missing []string
	for _, c := range []cap.Value{cap.BPF, cap.PERFMON, cap.NET_ADMIN} {
		if has, err := cap.GetProc().GetFlag(cap.Effective, c); err != nil || !has {
			missing = append(missing, strings.ToUpper(c.String()))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s missing", strings.Join(missing, ", "))
	}
	return nil
}
