//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/test/need"
)

// reown does to a RuntimeDirectory what systemd does before each ExecStart and
// ExecReload (path_chown_recursive): nothing if the directory belongs to the unit's
// user, root, and has its mode; otherwise all that is in it is given to that user.
func reown(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid == 0 && owner.Gid == 0 && info.Mode().Perm() == 0o755 {
		return
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 0, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReloadBySystemd: after `systemctl reload` edges still reach the socket, and
// scrubd can still write down what operators deny, and why.
func TestReloadBySystemd(t *testing.T) {
	h := newHost(t)
	edge, err := peersock.LookupUser("daemon")
	if err != nil {
		t.Fatal(err)
	}
	// asEdge runs a command as an edge does: its user is in the socket's group.
	asEdge := func(args ...string) error {
		cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"scrubd", "--socket", h.sockPath}, args...), Dir: "/"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(edge.UID), Gid: uint32(edge.GID)}}
		return cmd.Run()
	}
	unit, err := os.ReadFile("scrubd.service")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(h.sockPath)
	h.write("interfaces: [s0]", "  user: nobody\n  group: daemon\n  edges: [daemon]\n")
	for _, before := range []string{"its first start", "a restart"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		reown(t, dir)
		r := h.start(need.Setpriv(t), "--bounding-set", boundingSet(string(unit)))
		if err := asEdge("status"); err != nil {
			t.Fatalf("after %s an edge is locked out: %v", before, err)
		}
		reown(t, dir)
		h.ask("policy", "reload")
		if err := asEdge("status"); err != nil {
			t.Errorf("after %s and a reload an edge is locked out: %v", before, err)
		}
		if out := h.ask("deny", "add", "203.0.113.9", "--why", "ticket 4711"); strings.Contains(out, "lost") {
			t.Errorf("after %s and a reload: %s", before, out)
		}
		h.end(r, syscall.SIGTERM)
	}
	// The negative control: a directory of another user is not left alone.
	if err := os.Chown(dir, edge.UID, edge.GID); err != nil {
		t.Fatal(err)
	}
	reown(t, dir)
	h.start(need.Setpriv(t), "--bounding-set", boundingSet(string(unit)))
	if out := h.ask("deny", "list"); !strings.Contains(out, "ticket 4711") {
		t.Errorf("the reason is lost: %s", out)
	}
}

// TestStateFileOfAnEarlierRelease: author and reason outlive the upgrade from a
// release that had its state file beside the socket.
func TestStateFileOfAnEarlierRelease(t *testing.T) {
	h := newHost(t)
	r := h.start()
	h.ask("deny", "add", "203.0.113.9", "--why", "ticket 4711")
	h.end(r, syscall.SIGTERM)
	if err := os.Rename(filepath.Join(h.sockPath+".d", "lists.json"), h.sockPath+".state"); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{"", h.dir} { // and then of one that had it in a directory beside the socket
		t.Setenv("STATE_DIRECTORY", given)
		r := h.start()
		if out := h.ask("deny", "list"); !strings.Contains(out, "ticket 4711") {
			t.Errorf("the upgrade has lost the reason: %s", out)
		}
		h.end(r, syscall.SIGTERM)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "state", "lists.json")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(h.sockPath+".d", "lists.json")); err == nil {
		t.Error("the old file is left")
	}
}
