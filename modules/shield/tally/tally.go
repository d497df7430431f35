// Package tally counts what happens to the requests of one shop, for the status of the edge
// and for package watch, which decides by it whether the shop is attacked.
//
// Stages tell it of each event when it happens, and not when the request is over: one that
// waits for an overloaded shop would be counted late by that wait. It knows no Caddy, keeps no
// client's key, waits for nothing and cannot fail.
package tally

import (
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/watch"
)

// lanes is in how many parts a tally counts, so that cores seldom write to the same memory.
const lanes = 4

// Tally counts the requests of one shop. It outlives reloads, and its methods may be called at
// the same time. A request is counted by these calls, each at most once:
//
//	Arrive             it is there
//	Vouch              the challenge has looked for a valid stamp or pass
//	Through            it goes on to the backend
//	Answer, or Gone    the first byte of the answer is sent, or the client has left before
//	Send               the answer is more than one write
//	Leave              it is over
//
// An atomic addition is nearly all that a call costs. So a dynamic request has one where others
// have to see it at once: when it arrives, when it goes on, and when its answer is sent. An
// answer that is one write is over as soon as it is begun, and both are told in one addition.
type Tally struct {
	began     time.Time
	slow      atomic.Int64 // in nanoseconds
	note      atomic.Pointer[Note]
	_         [3]uint64 // so that lanes begin with a line
	lanes     [lanes]lane
	seldom    seldom
	strangers distinct
}

// defaultSlow is when an answer of the backend is late, until SetSlow says otherwise.
const defaultSlow = time.Second

// New returns a tally of a shop without requests.
func New(now time.Time) *Tally {
	t := &Tally{began: now}
	t.slow.Store(int64(defaultSlow))
	return t
}

// lane is a part of a tally, in three lines of 64 bytes.
type lane struct {
	arrived [watch.Streams]atomic.Uint64
	through [watch.Streams]atomic.Uint64

	vouched  [watch.Streams]atomic.Uint64
	answered [2][2]ended // dynamic, by the backend: with a stamp or pass, bad

	unanswered ended // dynamic requests that wait no more, and were not answered by the backend
	assets     atomic.Uint64
	left       atomic.Uint64 // requests that are over, without dynamic ones and WebSockets
	crowded    atomic.Uint64
	stopped    [watch.Controls - int(firstStage)]atomic.Uint64
}

// ended counts requests that wait no more, and how many of them are not over.
type ended struct{ both atomic.Uint64 }

// sending is one request whose answer is still being sent. The bits below it count all.
const sending = 1 << 40

func (e *ended) all() uint64 { return e.both.Load() % sending }

func (e *ended) over() uint64 {
	n := e.both.Load()
	return n%sending - n/sending
}

// firstStage is the first control that stops requests.
const firstStage = watch.ByBan

// seldom is what few requests count.
type seldom struct {
	others   atomic.Uint64 // of partners, of the challenge, and what is neither dynamic nor an asset
	sockets  atomic.Uint64 // WebSockets that are over
	aside    atomic.Uint64 // refused, and in no control's count
	failed   atomic.Uint64
	orders   atomic.Uint64
	unserved atomic.Uint64 // customers that were not answered by the backend
	asked    atomic.Uint64
	solved   atomic.Uint64
	gone     atomic.Uint64
}

func (t *Tally) laneOf(v *shop.Visit) *lane { return &t.lanes[v.Counted.Lane%lanes] }

// SetSlow sets how long the backend may take for its first byte before an answer is bad.
func (t *Tally) SetSlow(slow time.Duration) { t.slow.Store(int64(slow)) }

// Note is told of a stranger's dynamic request. It may be called by several goroutines at once,
// and must be quick.
type Note func(client, subnet netkey.Key)

// SetNote has strangers noted from now on, while the shop is attacked; nil ends that.
func (t *Tally) SetNote(note Note) {
	if note == nil {
		t.note.Store(nil)
		return
	}
	t.note.Store(&note)
}

// Arrive counts a request. own is set for what the challenge serves itself.
func (t *Tally) Arrive(v *shop.Visit, own bool) {
	n := &v.Counted
	n.Lane, n.Own = uint8(core()%lanes), own
	l := t.laneOf(v)
	switch stream, dynamic := watch.StreamOf(v.Class); {
	case v.Class == shop.Socket: // counted when it is over
	case own || v.Partner != nil:
		t.seldom.others.Add(1)
	case dynamic:
		n.Dynamic, n.Stream = true, uint8(stream)
		l.arrived[stream].Add(1)
	case v.Class == shop.Asset:
		l.assets.Add(1)
	default:
		t.seldom.others.Add(1)
	}
}

// Vouch counts whether a request has a valid stamp or pass.
func (t *Tally) Vouch(v *shop.Visit, holds bool) {
	n := &v.Counted
	if !n.Dynamic || n.Judged {
		return
	}
	n.Judged, n.Vouched = true, holds
	if holds {
		t.laneOf(v).vouched[n.Stream].Add(1)
		return
	}
	t.strangers.add(&v.Client)
	if note := t.note.Load(); note != nil {
		(*note)(v.Client, v.Subnet)
	}
}

// Through counts a request that goes on to the backend.
func (t *Tally) Through(v *shop.Visit) {
	if n := &v.Counted; n.Dynamic && !n.Through {
		n.Through = true
		t.laneOf(v).through[n.Stream].Add(1)
	}
}

// Crowd counts a request that is refused by a limit of the whole shop.
func (t *Tally) Crowd(v *shop.Visit) {
	if n := &v.Counted; (n.Dynamic || v.Class == shop.Asset && v.Partner == nil) && !n.Crowded {
		n.Crowded = true
		t.laneOf(v).crowded.Add(1)
	}
}

// Ask counts a challenge that is sent.
func (t *Tally) Ask() { t.seldom.asked.Add(1) }

// Solve counts a challenge that is solved.
func (t *Tally) Solve() { t.seldom.solved.Add(1) }

// Answer counts the first byte of an answer with this status: of the backend, which took
// v.Backend, or of the stage in v.Outcome.
func (t *Tally) Answer(v *shop.Visit, method string, status int) {
	n := &v.Counted
	if !n.Dynamic || n.Waited {
		return
	}
	n.Waited = true
	if v.Outcome.Stage != "" {
		if n.Vouched && n.Crowded {
			t.seldom.unserved.Add(1)
		}
		return
	}
	t.Through(v) // unless the last stage has said so, where there is one
	n.Answered, n.Bad = true, status >= 500 || int64(v.Backend) > t.slow.Load()
	if v.Class == shop.Checkout && method == "POST" && status >= 200 && status < 400 {
		t.seldom.orders.Add(1)
	}
}

// Gone counts a client that has closed the connection before the answer. A customer that left
// because the answer was late was not served.
func (t *Tally) Gone(v *shop.Visit, now time.Time) {
	n := &v.Counted
	if !n.Dynamic || n.Waited {
		return
	}
	n.Waited = true
	t.seldom.gone.Add(1)
	if n.Vouched && int64(now.Sub(v.Start)) > t.slow.Load() {
		t.seldom.unserved.Add(1)
	}
}

// Send says that the answer to a request will take some time to send.
func (t *Tally) Send(v *shop.Visit) {
	if n := &v.Counted; n.Waited && !n.Sending {
		n.Sending = true
		t.endOf(v).both.Add(1 + sending)
	}
}

// Leave counts that a request is over. One that panicked has neither been answered nor left
// by its client. One that never came to a challenge is a stranger's: nothing is known of it.
func (t *Tally) Leave(v *shop.Visit) {
	n := &v.Counted
	if !n.Judged {
		t.Vouch(v, false)
	}
	switch {
	case n.Dynamic && !n.Sending:
		t.endOf(v).both.Add(1)
	case n.Dynamic:
		t.endOf(v).both.Add(^uint64(sending - 1)) // one less
	case v.Class == shop.Socket:
		t.seldom.sockets.Add(1)
	default:
		t.laneOf(v).left.Add(1)
	}
}

// endOf is where it is counted how a dynamic request ends.
func (t *Tally) endOf(v *shop.Visit) *ended {
	l, n := t.laneOf(v), &v.Counted
	if n.Answered {
		return &l.answered[index(n.Vouched)][index(n.Bad)]
	}
	return &l.unanswered
}

// Stop counts a request that a stage has refused.
func (t *Tally) Stop(v *shop.Visit) {
	control, ok := controlOf(v.Outcome.Stage)
	if !ok || v.Partner != nil || v.Counted.Own {
		t.seldom.aside.Add(1)
		return
	}
	t.laneOf(v).stopped[control-firstStage].Add(1)
}

// Fail counts an answer of the backend with a status from 500 on, to whatever request.
func (t *Tally) Fail() { t.seldom.failed.Add(1) }

// controlOf returns which control a stage is.
func controlOf(stage string) (watch.Control, bool) {
	switch stage {
	case "ban":
		return watch.ByBan, true
	case "limit":
		return watch.ByLimit, true
	case "challenge":
		return watch.ByChallenge, true
	case "waf":
		return watch.ByFirewall, true
	}
	return 0, false
}

// turn is in which ten seconds a moment is.
func (t *Tally) turn(now time.Time) int64 { return int64(now.Sub(t.began) / window) }

func index(is bool) int {
	if is {
		return 1
	}
	return 0
}
