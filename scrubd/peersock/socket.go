//go:build linux

package peersock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/hint"
)

// DefaultPath is where scrubd listens unless the policy file names another path.
const DefaultPath = "/run/scrubd/scrubd.sock"

// maxConnsPerUser bounds the connections of one user, so that an edge cannot lock
// operators out.
const maxConnsPerUser = 32

// lockSuffix is that of the lock file. The names of what is beside the socket begin with
// that of the socket.
const lockSuffix = ".lock"

// A Listener accepts connections from processes of this host and knows which user
// each of them runs as.
type Listener struct {
	*net.UnixListener
	lock *os.File // held while this scrubd runs

	mu    sync.Mutex
	conns map[int]int // open connections by user ID
}

// Listen creates the socket, in a directory of its own, accessible to the owner
// and one group. The IDs are used when run as root; -1
// leaves them unchanged. The socket of a scrubd that was killed is replaced, that of
// a running one is not.
//
// The directory of the socket stays root's: systemd gives a RuntimeDirectory, with
// all that is in it, to the unit's user whenever the owner of the directory is
// another one, at each reload too.
func Listen(path string, uid, gid int) (*Listener, error) {
	dir := filepath.Dir(path)
	if err := claimDir(dir, path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+lockSuffix, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, hint.Errorf("systemctl start scrubd, or as root", "locking %s: %w", path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, hint.Errorf("scrubd status", "another scrubd listens at %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		lock.Close()
		return nil, fmt.Errorf("%s exists and is not a socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		lock.Close()
		return nil, fmt.Errorf("removing the socket of an earlier scrubd: %w", err)
	}
	old := unix.Umask(0o117)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unix.Umask(old)
	if err == nil && os.Geteuid() == 0 {
		err = os.Lchown(path, uid, gid)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("listening at %s: %w", path, err)
	}
	return &Listener{UnixListener: l, lock: lock, conns: make(map[int]int)}, nil
}

// claimDir creates the socket's directory, or checks that nothing else is in it:
// whoever writes there could replace the socket.
func claimDir(dir, socket string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return hint.Errorf("systemctl start scrubd, or as root", "creating the socket's directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the socket's directory: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(socket)) {
			return hint.Errorf("socket: "+DefaultPath, "%s contains other files, such as %s: the socket needs a directory of its own", dir, e.Name())
		}
	}
	return nil
}

// Accept waits for the next connection. A connection above the limit of its user
// is closed.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(conn)
		if err != nil || !l.acquire(p.UID) {
			conn.Close()
			continue
		}
		return &peerConn{UnixConn: conn, peer: p, release: sync.OnceFunc(func() { l.release(p.UID) })}, nil
	}
}

func (l *Listener) acquire(uid int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[uid] >= maxConnsPerUser {
		return false
	}
	l.conns[uid]++
	return true
}

func (l *Listener) release(uid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[uid]--; l.conns[uid] == 0 {
		delete(l.conns, uid)
	}
}

// Close stops listening and releases the lock.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	return errors.Join(err, l.lock.Close())
}

// peerConn is a connection whose peer is known.
type peerConn struct {
	*net.UnixConn
	peer    Peer
	release func()
}

func (c *peerConn) Close() error {
	c.release()
	return c.UnixConn.Close()
}

type peerKey struct{}

// WithPeer returns a context that carries a peer.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// ConnContext is the field of that name of an http.Server: it makes the peer of a
// connection known to its requests.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*peerConn); ok {
		return WithPeer(ctx, c.peer)
	}
	return ctx
}

// FromContext returns the peer that sent a request.
func FromContext(ctx context.Context) (p Peer, ok bool) {
	p, ok = ctx.Value(peerKey{}).(Peer)
	return p, ok
}
