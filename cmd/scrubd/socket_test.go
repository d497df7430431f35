//go:build linux

package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"

	"github.com/theriac-edge/theriac/test/need"
)

func TestSocketOfAScrubdThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "s.sock")
	first, err := listen(path, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen(path, -1, -1); err == nil || !strings.Contains(err.Error(), "another scrubd listens at") {
		t.Errorf("a second scrubd: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
	}
	// As if it had been killed: the socket stays, the lock does not.
	first.SetUnlinkOnClose(false)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := listen(path, -1, -1)
	if err != nil {
		t.Fatalf("after the first was killed: %v", err)
	}
	defer second.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestSocketNeedsAFolderOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(filepath.Join(dir, "s.sock"), -1, -1); err == nil || !strings.Contains(err.Error(), "needs a folder of its own") {
		t.Errorf("in a folder with other things: %v", err)
	}
	file := filepath.Join(t.TempDir(), "s.sock")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(file, -1, -1); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("in the place of a file: %v", err)
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "precious" {
		t.Errorf("the file holds %q, %v", raw, err)
	}
}

func TestConnectionsOfOneUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	s, err := listen(path, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	accepted := make(chan net.Conn, connsPerUser+2)
	go func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	for range connsPerUser {
		dial()
	}
	last := dial()
	if err := last.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := last.Read(make([]byte, 1)); n > 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("one connection too many is not hung up on: %v", err)
	}
	(<-accepted).Close()
	dial()
	for range connsPerUser {
		select {
		case <-accepted:
		case <-time.After(5 * time.Second):
			t.Fatal("after one was closed there is no room for another")
		}
	}
}

// TestPeerIsWhoConnects has another user connect.
func TestPeerIsWhoConnects(t *testing.T) {
	need.Root(t)
	dir := passable(t)
	path := filepath.Join(dir, "run", "s.sock")
	const uid, gid, extra = 54321, 54322, 54323
	s, err := listen(path, 0, extra)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	connect := func(groups ...uint32) (p peer, refused bool) {
		t.Helper()
		// Not by its path, through which another user may not go.
		cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{"scrubd", "status", "--socket", path}, Dir: "/"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
		if err := s.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait(); s.SetDeadline(time.Unix(1, 0)) }()
		conn, err := s.Accept()
		if err != nil {
			<-ended
			return p, true
		}
		p = conn.(*peerConn).peer
		conn.Close()
		<-ended
		return p, false
	}
	if _, refused := connect(); !refused {
		t.Error("a user outside of the socket's group could connect")
	}
	p, refused := connect(extra)
	if refused {
		t.Fatal("a user of the socket's group could not connect")
	}
	for about, c := range map[string]struct {
		peers peers
		want  power
	}{
		"nobody named":               {peers{}, powerless},
		"an edge by its user":        {peers{edges: crowd{uids: []int{uid}}}, mayJudge},
		"an edge by its group":       {peers{edges: crowd{gids: []int{gid}}}, mayJudge},
		"an edge by another group":   {peers{edges: crowd{gids: []int{extra}}}, mayJudge},
		"an edge and an admin":       {peers{edges: crowd{uids: []int{uid}}, admins: crowd{gids: []int{extra}}}, mayAll},
		"others":                     {peers{edges: crowd{uids: []int{uid + 1}}, admins: crowd{gids: []int{gid + 7}}}, powerless},
		"a group with a user's name": {peers{edges: crowd{gids: []int{uid}}}, powerless},
	} {
		if got := c.peers.power(p); got != c.want {
			t.Errorf("%s: power %d of %+v, want %d", about, got, p, c.want)
		}
	}
	if got := (peers{}).power(peer{uid: 0}); got != mayAll {
		t.Errorf("root has power %d", got)
	}
}

func TestSystemdIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := tellSystemd("READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := tellSystemd("READY=1"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 64)
	if n, err := l.Read(got); err != nil || string(got[:n]) != "READY=1" {
		t.Errorf("systemd is told %q, %v", got[:n], err)
	}
}

func TestWhatAKernelLacks(t *testing.T) {
	refused := errors.New("loading the program: invalid argument")
	err := lacking(refused, []features.Feature{{What: "BTF", Try: "x"}, {What: "helpers", Missing: errors.New("tcp_raw_gen_syncookie_ipv4: not supported"), Try: "a kernel of 6.0"}})
	if h, ok := errors.AsType[hint.Error](err); !ok || h.Try != "a kernel of 6.0" || !errors.Is(err, refused) || !strings.Contains(err.Error(), "needs, helpers (tcp_raw_gen_syncookie_ipv4") {
		t.Errorf("a kernel without a helper: %v", err)
	}
	if h, ok := errors.AsType[hint.Error](lacking(refused, nil)); !ok || h.Try != "scrubd check" {
		t.Errorf("for another reason: %v", h)
	}
}

// passable is a temporary folder that every user may go through.
func passable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
