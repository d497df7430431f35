package client

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Options are what a Client asks of the edge. None of the functions is called
// with a lock held.
type Options struct {
	// Node returns the edge's name, for the daemon's operators.
	Node func() string

	// Renew is called shortly before a ban ends that still keeps out a flood.
	// The edge decides whether the ban goes on, and pushes it again if so.
	Renew func(netip.Prefix, ban.Ban, time.Time)

	// OnHit is called with what was dropped because of the ban with this key. May be nil.
	OnHit func(key netkey.Key, packets uint64)

	// OnChange is called when the daemon begins to answer, or no longer does.
	OnChange func(Status)
}

// Client keeps the scrubber's list equal to a set of wanted bans. Push and Lift
// change the set and return at once; Run, in a goroutine of its own, sends the
// difference between what is wanted and what the daemon last acknowledged. A
// daemon that is absent, slow or hung costs a caller nothing.
type Client struct {
	opts Options
	wake chan struct{}

	mu       sync.Mutex
	address  string // empty: there is no scrubber
	entries  map[netip.Prefix]*entry
	wanted   int                       // entries that are wanted
	unequal  map[netip.Prefix]struct{} // entries to compare and send
	instance string                    // of the daemon that acknowledged last
	asked    time.Time                 // time of the last request
	status   Status
}

// entry is one prefix: what the edge wants, and what the daemon knows.
type entry struct {
	ban     ban.Ban
	wanted  bool
	sent    time.Time // latest end that was sent; zero: the daemon cannot know the prefix
	acked   time.Time // end that the daemon acknowledged
	ackedAt time.Time
	refused string // why the daemon does not apply it
	hits    History
}

// Status describes the connection to the scrubber, for operators and metrics.
type Status struct {
	Address  string    `json:"address"`
	Answers  bool      `json:"answers"`
	Reason   string    `json:"reason,omitempty"` // why it does not answer
	Since    time.Time `json:"since"`            // of Answers
	Bans     int       `json:"bans"`             // wanted in the scrubber
	Pending  int       `json:"pending_bans"`     // changes that were not sent yet
	Refused  int       `json:"refused"`          // sent, and not applied
	Packets  uint64    `json:"packets"`          // dropped since the edge started
	Pushed   uint64    `json:"pushed"`           // bans sent since then
	Overflow uint64    `json:"overflow"`         // bans for which there was no room
}

// MaxBans is how many bans a Client keeps: as many as an edge knows.
const MaxBans = 65536

// New returns a Client without a scrubber: see Use.
func New(o Options) *Client {
	return &Client{
		opts: o, wake: make(chan struct{}, 1),
		entries: make(map[netip.Prefix]*entry), unequal: make(map[netip.Prefix]struct{}),
	}
}

// Use sets where the daemon listens, such as unix//run/scrubd/scrubd.sock, and
// replaces the whole set of wanted bans. No address: there is no scrubber. wanted
// is called while no ban can be pushed or lifted, so that neither is undone.
func (c *Client) Use(address string, wanted func() map[netip.Prefix]ban.Ban) {
	c.mu.Lock()
	defer c.mu.Unlock()
	bans, now := wanted(), time.Now()
	if c.address != address {
		clear(c.entries)
		clear(c.unequal)
		c.address, c.wanted, c.instance, c.asked = address, 0, "", time.Time{}
		c.status = Status{Address: address, Since: now, Packets: c.status.Packets, Pushed: c.status.Pushed}
	}
	for prefix, e := range c.entries {
		if _, still := bans[prefix]; e.wanted && !still {
			c.lift(prefix, now)
		}
	}
	for prefix, b := range bans {
		if e := c.entries[prefix]; e == nil || !e.wanted || !e.ban.Until.Equal(b.Until) {
			c.push(prefix, b)
		}
	}
	c.notify()
}

// Push has the scrubber drop a prefix as long as the ban lasts.
func (c *Client) Push(prefix netip.Prefix, b ban.Ban) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.push(prefix, b)
}

// push expects the caller to hold the lock.
func (c *Client) push(prefix netip.Prefix, b ban.Ban) {
	if c.address == "" {
		return
	}
	e := c.entries[prefix]
	if e == nil || !e.wanted {
		if c.wanted >= MaxBans {
			c.status.Overflow++
			return
		}
		c.wanted++
		if e == nil {
			e = new(entry)
			c.entries[prefix] = e
		}
		e.wanted, e.hits = true, History{First: b.Told}
	}
	e.ban = b
	c.unequal[prefix] = struct{}{}
	c.notify()
}

// Lift ends a pushed ban in the scrubber, unless it has ended by itself.
func (c *Client) Lift(prefix netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lift(prefix, time.Now())
}

// lift expects the caller to hold the lock.
func (c *Client) lift(prefix netip.Prefix, now time.Time) {
	e := c.entries[prefix]
	if e == nil || !e.wanted {
		return
	}
	e.wanted = false
	c.wanted--
	switch {
	case !e.sent.After(now):
		c.forget(prefix) // never sent, or over
	case len(c.entries)-c.wanted > MaxBans:
		c.status.Overflow++ // it ends by itself
		c.forget(prefix)
	default:
		c.unequal[prefix] = struct{}{}
		c.notify()
	}
}

// forget expects the caller to hold the lock.
func (c *Client) forget(prefix netip.Prefix) {
	delete(c.entries, prefix)
	delete(c.unequal, prefix)
}

// notify wakes Run, which waits a moment for more changes.
func (c *Client) notify() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Status returns the state of the connection and the numbers of the bans.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := c.status
	status.Bans, status.Pending = c.wanted, len(c.unequal)
	for _, e := range c.entries {
		if e.refused != "" {
			status.Refused++
		}
	}
	return status
}

// PushState is what the scrubber reported of one pushed ban.
type PushState struct {
	Ban     ban.Ban
	Packets uint64 // dropped so far
	Refused string // why the scrubber does not apply it; empty: it does, or was not asked yet
}

// Find returns the state of a prefix that is wanted in the scrubber.
func (c *Client) Find(prefix netip.Prefix) (PushState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[prefix]
	if e == nil || !e.wanted {
		return PushState{}, false
	}
	return PushState{Ban: e.ban, Packets: e.hits.Packets, Refused: e.refused}, true
}

// socketOf returns the path of the unix socket in an address, or "@name" of an
// abstract one.
func socketOf(address string) string { return strings.TrimPrefix(address, "unix/") }
