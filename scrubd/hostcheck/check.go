//go:build linux

package hostcheck

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// Finding is the result of one check.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Is   string `json:"is"`            // what was found, or what is wrong with it
	Try  string `json:"try,omitempty"` // the next thing to try; empty: nothing is known that would help
}

// finding is good if err is nil. A hint of the error replaces try.
func finding(what, is, try string, err error) Finding {
	if err == nil {
		return Finding{What: what, OK: true, Is: is}
	}
	if better := hint.Of(err); better != "" {
		try = better
	}
	return Finding{What: what, Is: err.Error(), Try: try}
}

// Scrubber checks everything that the scrubber needs, with the policy file at
// path. It changes nothing, except that root mounts the BPF file system.
func Scrubber(path string) (all []Finding) {
	release := kernelRelease()
	all = append(all, finding("kernel", release, "a kernel of 6.0 or later", kernelSupported(release)))
	all = append(all, finding("privileges", loadPrivileges, "sudo scrubd check", mayLoad()))
	for _, f := range scrub.Features() {
		all = append(all, finding(f.What, f.Is, f.Try, f.Missing))
	}
	f, err := policyfile.Read(path)
	all = append(all, finding("policy file", path, "scrubd policy check --config "+path, err))
	settings, needed := policyfile.Settings{Pins: scrub.DefaultPins}, scrub.Settings
	if err == nil {
		settings, needed = f.Daemon, f.Config.Settings()
	}
	all = append(all, checkBPFFS(settings.Pins))
	for _, s := range Sysctls(needed, policyfile.CheckSysctls) {
		all = append(all, checkSysctl(s, f != nil && settings.Sysctls == policyfile.SetSysctls))
	}
	if f == nil {
		return all
	}
	for _, name := range f.Interfaces {
		all = append(all, checkInterface(name, settings.Pins, false))
	}
	_, _, err = peersock.Identity(settings.User, settings.Group)
	_, err2 := peersock.ParseRoles(settings.Edges, settings.Admins)
	return append(all, finding("users", "all known", "", cmp.Or(err, err2)))
}

// Agent checks everything that the agent needs, with the policy file at path. It
// changes nothing, except that root mounts the BPF file system.
func Agent(path string) (all []Finding) {
	f, unreadable := policyfile.ReadAgent(path)
	pins := agent.DefaultPins
	if unreadable == nil {
		pins = f.Daemon.Pins
	}
	release := kernelRelease()
	all = append(all, finding("kernel", release, "a kernel of 6.6 or later, or no_clamp and a router that clamps", agentKernelSupported(release, f)))
	all = append(all, finding("privileges", loadPrivileges, "sudo scrubd agent check", mayLoad()))
	for _, need := range agent.Features() {
		all = append(all, finding(need.What, need.Is, need.Try, need.Missing))
	}
	all = append(all, finding("policy file", path, "correct it, or --config", unreadable), checkBPFFS(pins))
	if f == nil {
		return all
	}
	for _, s := range Sysctls(f.Config.Settings(), policyfile.CheckSysctls) {
		all = append(all, checkSysctl(s, f.Daemon.Sysctls == policyfile.SetSysctls))
	}
	for _, name := range f.Interfaces {
		all = append(all, checkInterface(name, pins, true))
	}
	for _, name := range f.Clamped() {
		_, err := pinset.EthernetInterface(name)
		all = append(all, finding("egress "+name, "Ethernet", "", err))
	}
	if f.Daemon.User != "" {
		_, err := peersock.LookupUser(f.Daemon.User)
		all = append(all, finding("user", f.Daemon.User, "", err))
	}
	return all
}

// checkBPFFS checks that pins are in a BPF file system. Root mounts a missing one.
func checkBPFFS(pins string) Finding {
	var err error
	if os.Geteuid() == 0 {
		_, err = MountBPFFS(pins)
	} else if !isBPFFS(pins) {
		err = fmt.Errorf("%s is not in a BPF file system", pins)
	}
	return finding("bpffs", "mounted, for "+pins, "mount -t bpf bpf "+pinset.BPFFS, err)
}

// checkSysctl accepts a wrong value that scrubd will set.
func checkSysctl(s Sysctl, willSet bool) Finding {
	what := "sysctl " + s.Key()
	switch {
	case s.Bad != "":
		return Finding{What: what, Is: s.Bad, Try: s.Try()}
	case s.Is == absent:
		return Finding{What: what, OK: true, Is: "absent in this network namespace or kernel"}
	case s.OK():
		return Finding{What: what, OK: true, Is: s.Is}
	case willSet:
		return Finding{What: what, OK: true, Is: s.Is + "; scrubd will set it to " + s.Want}
	}
	return Finding{What: what, Is: s.Is + ", not " + s.Want + ": " + s.Why, Try: s.Try()}
}

func kernelRelease() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // never fails
	return unix.ByteSliceToString(u.Release[:])
}

// kernelSupported rejects kernels before 6.0, the first that can create and verify
// SYN cookies in XDP.
func kernelSupported(release string) error {
	major, _, err := kernelVersion(release)
	if err == nil && major < 6 {
		err = fmt.Errorf("%s is older than 6.0, the first kernel with SYN cookies in XDP", release)
	}
	return err
}

// agentKernelSupported rejects kernels before 6.6, the first with links for
// outgoing packets (TCX), if the agent is to clamp.
func agentKernelSupported(release string, f *policyfile.AgentFile) error {
	major, minor, err := kernelVersion(release)
	if err == nil && f != nil && !f.NoClamp && (major < 6 || major == 6 && minor < 6) {
		return fmt.Errorf("%s is older than 6.6, the first kernel with links for outgoing packets (TCX)", release)
	}
	return kernelSupported(release)
}

func kernelVersion(release string) (major, minor int, err error) {
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return 0, 0, fmt.Errorf("%s is not a kernel version", release)
	}
	return major, minor, nil
}

// loadPrivileges are the capabilities that loading takes.
const loadPrivileges = "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN"

// mayLoad names the capabilities that are missing. Without CAP_PERFMON the kernel
// hardens programs against side channels, and then rejects this one.
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
