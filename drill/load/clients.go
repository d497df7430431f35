package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// AnswerTimeout is how long a client waits for one answer.
const AnswerTimeout = 5 * time.Second

// An Answer is the response to one request.
type Answer struct {
	Status int
	Header http.Header
	Body   int64 // bytes
	Client int   // which one asked
}

// Clients are many HTTP clients, each with a source address and a connection of
// its own, that take turns. They are the http.RoundTripper behind vegeta.
//
// They do without http.Transport, whose two goroutines per connection raise the
// cost of a request by half (see BenchmarkClients). They read answers to their
// end, check them, and return the status without the body.
type Clients struct {
	target  netip.AddrPort
	clients []client
	turn    atomic.Uint64

	// (optional) Check rejects an unexpected answer with an error.
	Check func(Answer) error

	// (optional) Before changes what a client is about to send.
	Before func(client int, req *http.Request)

	// (optional) Dial opens a connection from an address, instead of to the target
	// of NewClients.
	Dial Dial
}

// A Dial is a way to a server from a source address.
type Dial func(ctx context.Context, from netip.Addr) (net.Conn, error)

// client is one client and its connection.
type client struct {
	busy atomic.Bool
	from netip.Addr
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

// NewClients makes a client for each source address. None of them connects yet.
func NewClients(target netip.AddrPort, from []netip.Addr, check func(Answer) error) *Clients {
	s := &Clients{target: target, clients: make([]client, len(from)), Check: check}
	for i := range s.clients {
		s.clients[i].from = from[i]
	}
	return s
}

// FloodAddrs lists the first n source addresses of floods.
func FloodAddrs(n int) []netip.Addr {
	from := make([]netip.Addr, n)
	for i := range from {
		from[i] = FloodAddr(i)
	}
	return from
}

// Len is how many clients there are.
func (s *Clients) Len() int { return len(s.clients) }

// Probe opens the connection of the first client, and reports why it cannot.
func (s *Clients) Probe(ctx context.Context) error {
	return WithoutAddrs(s.connect(ctx, &s.clients[0]))
}

// Connect opens the connections of all clients, so that a measurement does not
// include it.
func (s *Clients) Connect(ctx context.Context) error {
	for i := range s.clients {
		if err := s.connect(ctx, &s.clients[i]); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all connections. No request may be in flight.
func (s *Clients) Close() {
	for i := range s.clients {
		s.clients[i].close()
	}
}

var errAllBusy = errors.New("all clients are waiting for answers")

// RoundTrip sends the request from the client whose turn it is, or from the next
// one that is not waiting for an answer.
func (s *Clients) RoundTrip(req *http.Request) (*http.Response, error) {
	n := uint64(len(s.clients))
	turn := s.turn.Add(1)
	for i := range 4 * n { // more than one round: a client that was busy may become free
		c := int((turn + i) % n)
		if busy := &s.clients[c].busy; busy.CompareAndSwap(false, true) {
			defer busy.Store(false)
			return s.roundTrip(c, req)
		}
	}
	return nil, errAllBusy
}

func (s *Clients) roundTrip(i int, req *http.Request) (*http.Response, error) {
	c := &s.clients[i]
	if s.Before != nil {
		s.Before(i, req)
	}
	kept := c.conn != nil
	resp, err := s.exchange(c, req)
	if err != nil && kept && req.Method == http.MethodGet && !errors.Is(err, context.Canceled) && !timedOut(err) {
		// The server may close a connection that is kept alive. Sending a GET
		// again is safe.
		resp, err = s.exchange(c, req)
	}
	if err != nil {
		return nil, WithoutAddrs(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.Close {
		c.close()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", WithoutAddrs(err))
	}
	resp.Body = http.NoBody
	if s.Check != nil {
		if err := s.Check(Answer{resp.StatusCode, resp.Header, n, i}); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// exchange sends one request and reads the header of its answer. On an error it
// closes the connection.
func (s *Clients) exchange(c *client, req *http.Request) (resp *http.Response, err error) {
	if c.conn == nil {
		if err := s.connect(req.Context(), c); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(AnswerTimeout)); err != nil {
		return nil, err
	}
	if err := req.Write(c.w); err != nil {
		return nil, err
	}
	if err := c.w.Flush(); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.r, req)
}

// connect opens the connection of a client.
func (s *Clients) connect(ctx context.Context, c *client) (err error) {
	var conn net.Conn
	if s.Dial != nil {
		conn, err = s.Dial(ctx, c.from)
	} else {
		conn, err = DialFrom(ctx, c.from, s.target)
	}
	if err != nil {
		return err
	}
	c.conn = conn
	if c.r == nil {
		c.r, c.w = bufio.NewReader(nil), bufio.NewWriterSize(nil, 1024)
	}
	c.r.Reset(conn)
	c.w.Reset(conn)
	return nil
}

// DialFrom opens a connection from a source address; of IPv6 there is one loopback
// address only, so there it is any.
func DialFrom(ctx context.Context, from netip.Addr, target netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: AnswerTimeout}
	if target.Addr().Is4() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	return d.DialContext(ctx, "tcp", target.String())
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func timedOut(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// WithoutAddrs removes the addresses from an error, so that a thousand clients
// that fail alike give one error text.
func WithoutAddrs(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

// IsBusy reports whether the text of a result's error says that no client was free to
// send the request.
func IsBusy(text string) bool { return strings.HasSuffix(text, errAllBusy.Error()) }
