package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// answerTimeout is how long a source waits for one answer.
const answerTimeout = 5 * time.Second

// An answer is what came back for one request.
type answer struct {
	status int
	header http.Header
	body   int64 // bytes
}

// sources is a crowd of clients: each has an address and a connection of its
// own, and they take turns. It is the http.RoundTripper behind vegeta.
//
// It does without http.Transport, whose two goroutines for each connection
// make a request half as dear again (see BenchmarkSources). It reads answers
// to their end, checks them and hands on the status without the body.
type sources struct {
	target netip.AddrPort
	lines  []line
	turn   atomic.Uint64

	// check, if set, makes an answer that the drill does not want an error.
	check func(answer) error
}

// line is one client's connection.
type line struct {
	busy atomic.Bool
	from netip.Addr
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

func newSources(target netip.AddrPort, from []netip.Addr, check func(answer) error) *sources {
	s := &sources{target: target, lines: make([]line, len(from)), check: check}
	for i := range s.lines {
		s.lines[i].from = from[i]
	}
	return s
}

// floodFrom lists the first n addresses of floods.
func floodFrom(n int) []netip.Addr {
	from := make([]netip.Addr, n)
	for i := range from {
		from[i] = floodAddr(i)
	}
	return from
}

// connect opens the connections of all sources, so that a measurement does
// not count their opening.
func (s *sources) connect(ctx context.Context) error {
	for i := range s.lines {
		if err := s.lines[i].dial(ctx, s.target); err != nil {
			return err
		}
	}
	return nil
}

// close hangs up. No request may be under way.
func (s *sources) close() {
	for i := range s.lines {
		s.lines[i].hangUp()
	}
}

var errCrowded = errors.New("all sources are waiting for answers")

// RoundTrip sends the request from the source whose turn it is, or the next
// one that is not waiting for an answer.
func (s *sources) RoundTrip(req *http.Request) (*http.Response, error) {
	n := uint64(len(s.lines))
	turn := s.turn.Add(1)
	for i := range 4 * n { // more than once around: one behind us may become free
		l := &s.lines[(turn+i)%n]
		if l.busy.CompareAndSwap(false, true) {
			defer l.busy.Store(false)
			return s.from(l, req)
		}
	}
	return nil, errCrowded
}

func (s *sources) from(l *line, req *http.Request) (*http.Response, error) {
	kept := l.conn != nil
	resp, err := l.exchange(req, s.target)
	if err != nil && kept && req.Method == http.MethodGet && !errors.Is(err, context.Canceled) && !timedOut(err) {
		// The other side may hang up a connection that is kept. Asking again
		// is safe.
		resp, err = l.exchange(req, s.target)
	}
	if err != nil {
		return nil, plain(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.Close {
		l.hangUp()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", plain(err))
	}
	resp.Body = http.NoBody
	if s.check != nil {
		if err := s.check(answer{resp.StatusCode, resp.Header, n}); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// exchange sends one request and reads the head of its answer. On an error
// the line has hung up.
func (l *line) exchange(req *http.Request, target netip.AddrPort) (resp *http.Response, err error) {
	if l.conn == nil {
		if err := l.dial(req.Context(), target); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			l.hangUp()
		}
	}()
	if err := l.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	if err := req.Write(l.w); err != nil {
		return nil, err
	}
	if err := l.w.Flush(); err != nil {
		return nil, err
	}
	return http.ReadResponse(l.r, req)
}

func (l *line) dial(ctx context.Context, target netip.AddrPort) error {
	d := net.Dialer{Timeout: answerTimeout}
	if target.Addr().Is4() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.from, 0))
	}
	conn, err := d.DialContext(ctx, "tcp", target.String())
	if err != nil {
		return err
	}
	l.conn = conn
	if l.r == nil {
		l.r, l.w = bufio.NewReader(nil), bufio.NewWriterSize(nil, 1024)
	}
	l.r.Reset(conn)
	l.w.Reset(conn)
	return nil
}

func (l *line) hangUp() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

func timedOut(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// plain takes the addresses off an error, so that a thousand sources that
// fail alike make one kind of error.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}
