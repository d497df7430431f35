//go:build linux

package daemon

import (
	"errors"
	"log/slog"
	"net"
	"os"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
)

// What the starts of scrubd and of the agent have in common.

// unread says what to do about a policy file that is not there.
func unread(err error, path, example string) error {
	if errors.Is(err, os.ErrNotExist) {
		return hint.New(err, "install -Dm644 cmd/scrubd/"+example+" "+path+", and edit it; or --config")
	}
	return err
}

// listenForMetrics listens at an address, if one is given.
func listenForMetrics(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, hint.Errorf("ss -ltnp says what listens there; metrics: another port", "listening for metrics: %w", err)
	}
	return l, nil
}

// own lets the user whom the process becomes attach to interfaces that come later.
func own(log *slog.Logger, plane interface{ Own(uid, gid int) error }, become *peersock.Account) {
	uid, gid := os.Geteuid(), os.Getegid()
	if become != nil {
		uid, gid = become.UID, become.GID
	}
	if err := plane.Own(uid, gid); err != nil {
		log.Warn("an interface that comes later will not be attached before a restart", "error", err, "try", "the unit of this release, which has CAP_CHOWN")
	}
}

// reportSysctls logs those that were set, and fails if one is still wrong.
func reportSysctls(log *slog.Logger, all []hostcheck.Sysctl) error {
	for _, s := range all {
		if s.Was != "" {
			log.Info("set a sysctl", "sysctl", s.Key(), "from", s.Was, "to", s.Is, "why", s.Why)
		}
	}
	return hostcheck.WrongSysctl(all)
}

// warnGeneric logs the interfaces whose driver does not support XDP.
func warnGeneric(log *slog.Logger, attached []pinset.Attachment) {
	for _, a := range attached {
		if !a.Native {
			log.Warn("the program runs in generic mode, at several times the cost: "+hostcheck.WhyGeneric(a), "interface", a.Interface)
		}
	}
}
