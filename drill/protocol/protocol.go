// Package protocol attacks the connections of a shop instead of its pages: slow headers
// and bodies, HTTP/2 streams that are reset at once (CVE-2023-44487) or whose headers never
// end (CVE-2024-27316), TLS and QUIC handshakes without a request, WebSockets that are left.
//
// A wave opens connections at its rate, from many loopback addresses, until it has as many
// at a time as it wants; each that the target ends makes room for another. What is recorded
// is connections: Served, the target held it for as long as the attacker wanted; Forbidden,
// the target ended it; Unanswered, there was none. Of rapid-reset and continuation the rate
// and the record are of streams and frames. Connections, rate and time are bounded by the
// scenario, and everything is closed when Run returns.
package protocol

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/drill/attack"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// A Target is the way to one shop.
type Target struct {
	Dial load.Dial   // without TLS
	TLS  *tls.Config // whom to trust; its ServerName is the shop's

	// (optional) Where QUIC from an address arrives. Default: there is none.
	QUIC func(from netip.Addr) netip.AddrPort
}

// An Attack is one wave at one shop.
type Attack struct {
	wave   scenario.Wave
	target Target
	first  int          // of its sources
	turn   atomic.Int64 // of sources
	hello  []byte       // half of it, for handshakes
}

// New makes the attack of a wave. Its sources begin at the first: a wave needs some of its
// own, since an edge may have banned those of the waves before.
func New(w scenario.Wave, to Target, first int) *Attack {
	return &Attack{wave: w, target: to, first: first}
}

// tick is how often the attack looks what is due.
const tick = 5 * time.Millisecond

// An outcome is told of what was due at a time.
type outcome func(due time.Time, o record.Outcome)

// Run attacks until the wave or ctx ends.
func (a *Attack) Run(ctx context.Context, r *record.Recorder) {
	w := a.wave
	shop := attack.ShopOf(a.target.TLS.ServerName)
	counted := 0
	var mu sync.Mutex
	sent := r.Wave(record.Wave{Name: w.Name, Shop: shop, Vector: string(w.Vector), At: w.At.D(), For: w.For.D(), From: w.From})
	tell := func(due time.Time, o record.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		counted++
		sent(due, o)
	}
	ctx, stop := context.WithTimeout(ctx, w.For.D())
	defer stop()
	if w.Vector == scenario.Handshakes {
		a.hello = Hello(a.target.TLS.ServerName)
	}
	pace := &load.Ramp{From: float64(w.Rate.From), To: float64(w.Rate.To), Over: w.Rate.Over.D()}
	if w.Vector == scenario.RapidReset || w.Vector == scenario.Continuation {
		a.pour(ctx, pace, tell)
	} else {
		a.occupy(ctx, pace, tell)
	}
	r.Missed(w.Name, shop, w.At.D(), counted, 0)
}

// occupy opens connections at the pace and holds them.
func (a *Attack) occupy(ctx context.Context, pace *load.Ramp, tell outcome) {
	hold := map[scenario.Vector]func(context.Context, int) record.Outcome{
		scenario.SlowHeaders: a.slowHeaders, scenario.SlowBodies: a.slowBodies, scenario.WebSockets: a.webSocket,
		scenario.Handshakes: a.handshake, scenario.QUIC: a.quic,
	}[a.wave.Vector]
	room := make(chan struct{}, a.wave.Connections)
	var all sync.WaitGroup
	defer all.Wait()
	begun, passed := time.Now(), 0
	for now := begun; ctx.Err() == nil; now = a.wait(ctx) {
		for due := int(pace.Due(now.Sub(begun))); passed < due; passed++ {
			select {
			case room <- struct{}{}:
				n := int(a.turn.Add(1))
				all.Go(func() {
					if o := hold(ctx, n); o != none {
						tell(now, o)
					}
					<-room
				})
			default: // it has as many as it wants
			}
		}
	}
}

// wait waits for the next tick.
func (a *Attack) wait(ctx context.Context) time.Time {
	select {
	case <-ctx.Done():
	case <-time.After(tick):
	}
	return time.Now()
}

// source is the address of a connection.
func (a *Attack) source(n int) netip.Addr { return load.FloodAddr(a.first + n%a.wave.From) }

// raw opens a connection without TLS; it is closed when ctx is done.
func (a *Attack) raw(ctx context.Context, n int) (conn net.Conn, closed func(), err error) {
	dialing, cancel := context.WithTimeout(ctx, load.AnswerTimeout)
	defer cancel()
	if conn, err = a.target.Dial(dialing, a.source(n)); err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// secure opens a connection that speaks this protocol over TLS.
func (a *Attack) secure(ctx context.Context, n int, protocol string) (*tls.Conn, func(), error) {
	conn, closed, err := a.raw(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	config := a.target.TLS.Clone()
	config.NextProtos = []string{protocol}
	secure := tls.Client(conn, config)
	shaking, cancel := context.WithTimeout(ctx, load.AnswerTimeout)
	defer cancel()
	if err := secure.HandshakeContext(shaking); err != nil {
		closed()
		return nil, nil, err
	}
	return secure, closed, nil
}

// none is the outcome of a connection that the end of the attack has cut short.
const none record.Outcome = -1

// without is the outcome if there was no connection: the target refused it, or did not
// answer.
func without(ctx context.Context) record.Outcome {
	if ctx.Err() != nil {
		return none
	}
	return record.Unanswered
}
