package audit

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// connectArg as its name has this test binary connect to an address and wait.
const connectArg = "connect"

func TestMain(m *testing.M) {
	if os.Args[0] != connectArg {
		os.Exit(m.Run())
	}
	conn, err := net.Dial(os.Args[1], os.Args[2])
	if err != nil {
		os.Exit(1)
	}
	_, _ = conn.Read(make([]byte, 1)) // until the other end closes
	conn.Close()
}

const stranger = 54321

// accepted is a connection from a process of another user.
func accepted(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{connectArg, l.Addr().Network(), l.Addr().String()}, Dir: "/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger + 1}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func listen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func peerOver(conn net.Conn) (uid int, err error) {
	client, server := netip.MustParseAddrPort(conn.RemoteAddr().String()), netip.MustParseAddrPort(conn.LocalAddr().String())
	return TCPPeer(client, server)
}

func TestTCPPeerIsTheConnectingUser(t *testing.T) {
	need.Root(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := listen(t, "tcp", addr)
		if got, err := peerOver(accepted(t, l)); err != nil || got != stranger {
			t.Errorf("at %s: user %d, %v; want %d", addr, got, err, stranger)
		}
		mine, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer mine.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got, err := peerOver(conn); err != nil || got != os.Getuid() {
			t.Errorf("at %s: user %d, %v; want this one", addr, got, err)
		}
	}
}

// A client that has gone is nobody. The kernel would say that its socket is root's.
func TestTCPPeerThatHasGone(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	mine, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	mine.Close()
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	if got, err := peerOver(conn); err == nil {
		t.Errorf("user %d of a socket that no process holds", got)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	for about, client := range map[string]netip.AddrPort{
		"a port that nobody has":    netip.MustParseAddrPort("127.0.0.1:1"),
		"a port that is a server's": netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port),
		"an address elsewhere":      netip.MustParseAddrPort("192.0.2.1:40000"),
	} {
		if got, err := TCPPeer(client, netip.MustParseAddrPort("127.0.0.1:2")); err == nil {
			t.Errorf("%s: user %d", about, got)
		}
	}
}

func TestUnixPeerIsTheConnectingProcess(t *testing.T) {
	need.Root(t)
	path := filepath.Join(t.TempDir(), "s")
	l := listen(t, "unix", path)
	for d := path; d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	got, err := UnixPeer(accepted(t, l).(*net.UnixConn))
	if err != nil || got.UID != stranger || got.GID != stranger+1 || got.PID == 0 || got.PID == os.Getpid() {
		t.Errorf("%+v, %v; want user %d of group %d", got, err, stranger, stranger+1)
	}
}

func TestOperator(t *testing.T) {
	if got, want := Operator(stranger, 0), "uid 54321"; got != want {
		t.Errorf("a user without a name: %q, want %q", got, want)
	}
	if got := Operator(0, 0); got != "root" {
		t.Errorf("root: %q", got)
	}
	need.Root(t)
	cmd := exec.Command("sh", "-c", "echo 54321 2>&- >/proc/self/loginuid; echo; exec sleep 60")
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }() // which was killed
	defer cmd.Process.Kill()
	if _, err := said.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid, want := cmd.Process.Pid, "root"
	if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/loginuid", pid)); err == nil && string(raw) == "54321" {
		want = "root (login uid 54321)"
	} else {
		t.Log("this kernel, or this container, has no log-ins: the test shows less")
	}
	if got := Operator(0, pid); got != want {
		t.Errorf("root by sudo: %q, want %q", got, want)
	}
	if got := Operator(stranger+1, pid); got != "uid 54322" {
		t.Errorf("the login of another user's process: %q", got)
	}
}
