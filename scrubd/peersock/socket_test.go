//go:build linux

package peersock

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// connectArg as its name has this test binary connect to a socket and exit.
const connectArg = "connect"

func TestMain(m *testing.M) {
	if os.Args[0] != connectArg {
		os.Exit(m.Run())
	}
	conn, err := net.Dial("unix", os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	_, _ = conn.Read(make([]byte, 1)) // until the other end closes
	conn.Close()
}

func TestSocketIsTakenOverFromADeadScrubd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "s.sock")
	first, err := Listen(path, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, -1, -1); err == nil || !strings.Contains(err.Error(), "another scrubd listens at") {
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
	second, err := Listen(path, -1, -1)
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

func TestSocketNeedsADirectoryOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "s.sock"), -1, -1); err == nil || !strings.Contains(err.Error(), "needs a directory of its own") {
		t.Errorf("in a directory with other files: %v", err)
	}
	file := filepath.Join(t.TempDir(), "s.sock")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file, -1, -1); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("at the path of a file: %v", err)
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "precious" {
		t.Errorf("the file holds %q, %v", raw, err)
	}
}

func TestConnectionsOfOneUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	s, err := Listen(path, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	accepted := make(chan net.Conn, maxConnsPerUser+2)
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
	for range maxConnsPerUser {
		dial()
	}
	last := dial()
	if err := last.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := last.Read(make([]byte, 1)); n > 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("a connection above the limit is not closed: %v", err)
	}
	(<-accepted).Close()
	dial()
	for range maxConnsPerUser {
		select {
		case <-accepted:
		case <-time.After(5 * time.Second):
			t.Fatal("after one was closed no other is accepted")
		}
	}
}

// TestPeerIsTheConnectingUser connects as another user.
func TestPeerIsTheConnectingUser(t *testing.T) {
	need.Root(t)
	dir := need.OpenDir(t)
	path := filepath.Join(dir, "run", "s.sock")
	const uid, gid, extra = 54321, 54322, 54323
	s, err := Listen(path, 0, extra)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	connect := func(groups ...uint32) (p Peer, refused bool) {
		t.Helper()
		// Not by its path, which another user may not enter.
		cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{connectArg, path}, Dir: "/"}
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
	if got := p.Operator(); got != "uid 54321" || p.PID == 0 || p.PID == os.Getpid() {
		t.Errorf("the operator is %q, of process %d", got, p.PID)
	}
	for about, c := range map[string]struct {
		roles Roles
		want  Role
	}{
		"no set at all":              {Roles{}, RoleNone},
		"an edge by its user":        {Roles{Edges: Set{UIDs: []int{uid}}}, RoleEdge},
		"an edge by its group":       {Roles{Edges: Set{GIDs: []int{gid}}}, RoleEdge},
		"an edge by another group":   {Roles{Edges: Set{GIDs: []int{extra}}}, RoleEdge},
		"an edge and an admin":       {Roles{Edges: Set{UIDs: []int{uid}}, Admins: Set{GIDs: []int{extra}}}, RoleAdmin},
		"others":                     {Roles{Edges: Set{UIDs: []int{uid + 1}}, Admins: Set{GIDs: []int{gid + 7}}}, RoleNone},
		"a group with a user's name": {Roles{Edges: Set{GIDs: []int{uid}}}, RoleNone},
	} {
		if got := c.roles.Of(p); got != c.want {
			t.Errorf("%s: role %d of %+v, want %d", about, got, p, c.want)
		}
	}
	if got := (Roles{}).Of(Peer{UID: 0}); got != RoleAdmin {
		t.Errorf("root has role %d", got)
	}
}
