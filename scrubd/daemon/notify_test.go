//go:build linux

package daemon

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestNotifyReady(t *testing.T) {
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	t.Setenv("NOTIFY_SOCKET", "")
	if notifyReady(log); logged.Len() > 0 {
		t.Errorf("without systemd: %s", &logged)
	}
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	if notifyReady(log); logged.Len() > 0 {
		t.Errorf("with systemd: %s", &logged)
	}
	got := make([]byte, 64)
	if n, err := l.Read(got); err != nil || string(got[:n]) != "READY=1" {
		t.Errorf("systemd is told %q, %v", got[:n], err)
	}
	l.Close()
	if notifyReady(log); !strings.Contains(logged.String(), "cannot notify systemd") {
		t.Errorf("a systemd that is gone: logged %q", &logged)
	}
}
