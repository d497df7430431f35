//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/theriac-edge/theriac/hint"

	"golang.org/x/sys/unix"
)

// connsPerUser is how many connections one user may hold, so that no edge keeps
// people out.
const connsPerUser = 32

// socket listens for peers of this host and knows who they are.
type socket struct {
	*net.UnixListener
	lock *os.File // held while this scrubd runs

	mu    sync.Mutex
	conns map[int]int // by uid
}

// listen makes the socket, in a folder of its own, for the owner and one group.
// A socket that a killed scrubd left behind is replaced; that of a living one is
// not.
func listen(path string, uid, gid int) (*socket, error) {
	dir := filepath.Dir(path)
	if err := ownFolder(dir, path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+lockSuffix, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, hint.Errorf("scrubd status", "another scrubd listens at %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		lock.Close()
		return nil, fmt.Errorf("%s is there, and is no socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		lock.Close()
		return nil, fmt.Errorf("removing the socket of a scrubd that is gone: %w", err)
	}
	old := unix.Umask(0o117)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unix.Umask(old)
	if err == nil && os.Geteuid() == 0 {
		// The folder, too: once it is somebody else scrubd must be able to
		// remove the socket and to write beside it.
		err = errors.Join(os.Lchown(path, uid, gid), os.Lchown(dir, uid, gid), os.Lchown(path+lockSuffix, uid, gid))
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("listening at %s: %w", path, err)
	}
	return &socket{UnixListener: l, lock: lock, conns: make(map[int]int)}, nil
}

// What stands beside the socket.
const (
	lockSuffix   = ".lock"
	ledgerSuffix = ".ledger"
)

// ownFolder makes the socket's folder, or sees that nobody else uses it: it is
// given to scrubd's user.
func ownFolder(dir, socket string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the socket's folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking into the socket's folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(socket)) {
			return hint.Errorf("socket: "+defaultSocket, "%s holds other things, such as %s: the socket needs a folder of its own", dir, e.Name())
		}
	}
	return nil
}

// Accept waits for the next peer. Who holds too many connections already is
// hung up on.
func (s *socket) Accept() (net.Conn, error) {
	for {
		conn, err := s.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(conn)
		if err != nil || !s.enter(p.uid) {
			conn.Close()
			continue
		}
		return &peerConn{UnixConn: conn, peer: p, leave: sync.OnceFunc(func() { s.leave(p.uid) })}, nil
	}
}

func (s *socket) enter(uid int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[uid] >= connsPerUser {
		return false
	}
	s.conns[uid]++
	return true
}

func (s *socket) leave(uid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[uid]--; s.conns[uid] == 0 {
		delete(s.conns, uid)
	}
}

// Close stops listening and lets another scrubd in.
func (s *socket) Close() error {
	err := s.UnixListener.Close()
	return errors.Join(err, s.lock.Close())
}

// peerConn is a connection whose other end is known.
type peerConn struct {
	*net.UnixConn
	peer  peer
	leave func()
}

func (c *peerConn) Close() error {
	c.leave()
	return c.UnixConn.Close()
}

type peerKey struct{}

// knowPeer hands the peer to the requests of its connection.
func knowPeer(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*peerConn); ok {
		return context.WithValue(ctx, peerKey{}, c.peer)
	}
	return ctx
}

// peerFrom is who sent a request.
func peerFrom(r *http.Request) (p peer, ok bool) {
	p, ok = r.Context().Value(peerKey{}).(peer)
	return p, ok
}
