//go:build linux

package daemon

import (
	"log/slog"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// notifyReady tells systemd, if it started this process, that it is ready
// (sd_notify(3)).
func notifyReady(log *slog.Logger) {
	if _, err := systemd.SdNotify(false, systemd.SdNotifyReady); err != nil {
		log.Warn("cannot notify systemd that the start has finished: it will consider it timed out", "error", err)
	}
}
