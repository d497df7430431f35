// Package counters counts for every edge of a tier together, and keeps what every
// edge must know: bans, the levels of shops.
//
// It puts together token buckets (bucket), the one replicated map (replica) with the
// bans in it (bans), messages between edges (channel), the edge that leads (lease), what is
// kept for weeks (records) or until it is deleted (files), and the connection to the shared store (tier). A decision never
// waits for the store. If Redis is lost or slow each edge goes on with its share of
// every limit, so a lost store neither opens nor closes the shops; what is banned
// stays banned, and what changes meanwhile is told later. Without Redis the same
// methods count in this process.
package counters

import (
	"context"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/counters/bans"
	"github.com/theriac-edge/theriac/counters/bucket"
	"github.com/theriac-edge/theriac/counters/channel"
	"github.com/theriac-edge/theriac/counters/files"
	"github.com/theriac-edge/theriac/counters/lease"
	"github.com/theriac-edge/theriac/counters/records"
	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// What callers name of the packages below.
type (
	Limit       = bucket.Limit
	Decision    = bucket.Decision
	BanRequest  = bans.Request
	BansRefused = bans.Counts
	Entry       = replica.Entry
	Change      = replica.Change
	Priority    = replica.Priority
	Lease       = lease.Lease
	Leadership  = lease.State
	Role        = lease.Role
	Record      = records.Record
	Files       = files.Files
	File        = files.File
)

// The priorities of entries.
const (
	Automatic = replica.Automatic
	Manual    = replica.Manual
)

// What an edge is to the others: see Store.Lead.
const (
	Alone     = lease.Alone
	Following = lease.Following
	Leading   = lease.Leading
)

// Why a record is not kept.
var (
	ErrOld    = records.ErrOld
	ErrFenced = records.ErrFenced
)

// Why there is no file, or why it is not written; tier.ErrLost is ErrLost.
var (
	ErrLost    = tier.ErrLost
	ErrAnother = files.ErrAnother
	ErrKept    = files.ErrKept

	ErrInvalidFile = files.ErrInvalid
)

// Why there is no ban, or no such entry.
var (
	ErrProtected = bans.ErrProtected
	ErrCapped    = bans.ErrCapped
	ErrFull      = bans.ErrFull
	ErrInvalid   = bans.ErrInvalid
	ErrRefused   = replica.ErrRefused
)

// Level is the kind of entries that say how hard the watch sees a shop attacked; the id is the
// shop's. How the value is written is the caller's business.
const Level = "level"

// Asset is the kind of entries that say from which places a shop serves assets.
const Asset = "asset"

// Token is the kind of entries that say for which host an edge waits for a certificate authority
// to ask for a token; the id is a hash.
const Token = "acme"

// Secret is the kind of entries that say which secrets an edge has, by fingerprint; the id
// is the edge's name.
const Secret = "secret"

// More kinds of entries about the levels of shops. The id is the shop's, but for the campaign.
const (
	Pin      = "pin"      // what a person has set
	Why      = "why"      // why the watch has set the level
	Expect   = "expect"   // a person has announced a crowd
	Campaign = "campaign" // several shops are attacked alike; there is one entry
)

// kinds are all kinds of entries but the bans. What every edge is to know is one more
// line here.
var kinds = []replica.Kind{
	{Name: Level, Max: 4096},
	{Name: Asset, Max: 16384},
	{Name: Secret, Max: 256},
	{Name: Pin, Max: 4096},
	{Name: Why, Max: 4096},
	{Name: Expect, Max: 4096},
	{Name: Campaign, Max: 4096},
	{Name: Token, Max: 4096},
}

// Store counts. Its methods are safe for concurrent use.
type Store interface {
	// Take takes one token from the bucket of key, now, without waiting for
	// anything. Most callers want this one.
	Take(key netkey.Key, lim *Limit, now time.Time) Decision

	// TakeExact is Take for limits that must hold to the token. It asks the
	// shared store each time and waits for it at most its deadline (20 ms).
	TakeExact(ctx context.Context, key netkey.Key, lim *Limit, now time.Time) Decision

	// Peek returns what Take would as far as this edge knows, and takes nothing.
	Peek(key netkey.Key, lim *Limit, now time.Time) Decision

	// Once reports whether this is the first time that key is used, at all
	// edges, and remembers that for life. shared is false where only this edge
	// could be asked. It waits for the store at most five deadlines.
	Once(ctx context.Context, key netkey.Key, life time.Duration) (first, shared bool)

	// Forget makes the bucket of key full again and ends its penalty, here and in
	// the shared store. It returns at once. Other edges forget what they know if
	// they are told to: see Unban.
	Forget(key netkey.Key)

	// Set has every edge know an entry, of a kind that is not bans, for ttl; 0 is
	// until it is deleted. It waits for the store at most its deadline. With
	// ErrRefused no edge has the entry; with any other error only this edge has it
	// so far, and tells the store as soon as that is back.
	Set(ctx context.Context, kind, id, value string, ttl time.Duration, p Priority) error

	// Delete deletes an entry at every edge. Its errors are those of Set.
	Delete(ctx context.Context, kind, id string, p Priority) error

	// Get returns an entry, if this edge knows of it.
	Get(kind, id string) (Entry, bool)

	// All returns the entries that this edge knows of, in no order.
	All(kind string) []Entry

	// Listen calls back with each known entry, then with each change. Calls come
	// one at a time; a slow listener may miss all but the last change of an entry.
	// They must return soon, and may call any method of the store. After stop at
	// most the call that is under way goes on.
	Listen(kind string, call func(Change)) (stop func())

	// Ban asks for a ban at every edge. It returns at once and may be called from
	// requests: with Redis the ban holds as soon as Redis has said that no edge saw
	// customers in its subnet (ErrProtected) and that the shop's minute is not used
	// up (ErrCapped); if Redis cannot be asked it holds here, and is told later.
	// What this edge knows already costs Redis nothing. A nil error means that it
	// was asked for, not that it holds: see ListenBans.
	//
	// Of each key there is one ban a shop and one for all shops. Banning again
	// with a later end extends it, an earlier end changes nothing. A manual ban
	// replaces any other, also with an earlier end, and no automatic one changes it.
	Ban(q BanRequest) error

	// Unban lifts all bans of key, at every edge, automatic or manual. It returns at
	// once; an edge that cannot be reached hears of it later. client, Hasher.Client
	// of today, goes to the listeners: each stage forgets the counts
	// that it keeps of the client. Zero: nothing is to be forgotten.
	Unban(key, client netkey.Key)

	// Banned returns the ban of key that holds at the shop, or at all shops. For
	// an empty shop it returns bans at all shops only. It never waits and
	// allocates nothing.
	Banned(key netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool)

	// Bans returns the bans that hold, as far as this edge knows, in no order.
	Bans() []ban.Ban

	// ListenBans calls back with each known ban, then with each change: a ban was
	// set, lifted, has expired, or was refused by the store after Ban had returned
	// nil. As with Listen a slow listener may miss all but the last change of a ban,
	// and all but the last refusal of it.
	ListenBans(call func(ban.Event)) (stop func())

	// Protect notes that a customer with a valid pass or stamp came from the
	// subnet key: for five minutes no automatic ban is made there. It is cheap
	// enough for every request, and tells the store at most once a minute.
	Protect(key netkey.Key, now time.Time)

	// Protected reports whether this edge knows of customers in the subnet.
	Protected(key netkey.Key, now time.Time) bool

	// Say sends a message, of 1 MiB at most, to all edges that listen to the channel, this one
	// included. It returns at once. The message is lost if the store is lost or slow, or if
	// more is said than it can carry: then the oldest give way.
	Say(channel, message string)

	// Hear calls back with each message on the channel. Calls come one at a time; a slow
	// listener misses the oldest. After stop at most the call that is under way goes on.
	Hear(channel string, call func(message string)) (stop func())

	// Lead has one edge lead at a time, under that name: this one whenever no other does. It
	// returns at once; Lease.State says which edge leads, Lease.Close resigns. An edge that dies
	// is followed by another within three seconds, one that resigns within one. If the store
	// is lost each edge is Alone. Without Redis this edge leads.
	Lead(name string) *Lease

	// Keep keeps a record, of 64 KiB at most, for life, 90 days at most, in place of the one of
	// that kind with its id. There is room for 4,096 of a kind; the oldest give way. With
	// ErrFenced another edge leads since, with ErrOld there is no room for one that old; after
	// any other error the caller tries again, or leaves some of the record out.
	Keep(ctx context.Context, kind string, r Record, life time.Duration) error

	// Kept returns the record of that kind with the id, if there is one.
	Kept(ctx context.Context, kind, id string) (r Record, ok bool, err error)

	// KeptSince returns the records of a kind of that time and later, the latest first, and no
	// more than most. It waits for the store up to a second for each MiB.
	KeptSince(ctx context.Context, kind string, since time.Time, most int) ([]Record, error)

	// Time is the time that all edges agree on, whose clock of the day is wrong or set:
	// with Redis that of its clock when the first edge came, carried on steadily, otherwise
	// that of this process's start. now is by the clock of this edge.
	Time(now time.Time) time.Time

	// Status reports how the store is, for operators and metrics.
	Status() Status

	// Close settles what was spent and gives up the store's connections.
	Close() error
}

// Status is how a store is.
type Status struct {
	Kind     string        `json:"kind"`               // "memory" or "redis"
	Shared   bool          `json:"shared"`             // counts are shared with other edges right now
	Reason   string        `json:"reason,omitempty"`   // why not, and what to try
	Since    time.Time     `json:"since"`              // since when it is so
	Nodes    []string      `json:"nodes"`              // live edges, by name
	Keys     int           `json:"keys"`               // slots in use
	Capacity int           `json:"capacity"`           // slots there are
	Evicted  int64         `json:"evicted"`            // keys forgotten while they still mattered
	Commands int64         `json:"commands"`           // commands sent to the store
	Latency  time.Duration `json:"latency"`            // of the last answer of the store
	Steps    int64         `json:"clock_steps"`        // jumps of the store's clock
	Apart    time.Duration `json:"clock_difference"`   // by how much this edge's clock is ahead of the store's
	Refuses  bool          `json:"refuses"`            // the store would refuse a new connection
	CutOff   int           `json:"partitions_cut_off"` // of the keys of a Cluster, whose servers do not answer
	Bans     int           `json:"bans"`               // that this edge knows
	Pending  int           `json:"pending_bans"`       // bans, and liftings of bans, that other edges do not know yet
	Refused  BansRefused   `json:"bans_refused"`       // bans that were asked for and not made, by this edge
	Dropped  int64         `json:"messages_dropped"`   // messages between edges that this one did not send, or did not hear
}

// statusOf is what buckets and bans add to the status.
func statusOf(b bucket.Status, l *bans.List) Status {
	s := Status{Keys: b.Keys, Capacity: b.Capacity, Evicted: b.Evicted}
	s.Bans, s.Pending, s.Refused = l.Status()
	return s
}

// replicate makes the map, with the bans in it. t is nil where one process is every
// edge.
func replicate(t *tier.Tier) (*bans.List, *replica.Map) {
	l := bans.New(t)
	m := replica.New(t, slices.Concat(kinds, []replica.Kind{l.Kind()})...)
	l.Join(m)
	return l, m
}

// Memory counts in this process only.
type Memory struct {
	*bucket.Local
	*bans.List
	*replica.Map
	*channel.Bus
	*lease.Leases
	*records.Records
}

var _ Store = (*Memory)(nil)

// NewMemory returns a store whose counts never use more than that many bytes.
func NewMemory(bytes int64) *Memory {
	m := &Memory{Local: bucket.NewLocal(bytes), Bus: channel.New(nil), Leases: lease.New(nil), Records: records.New(nil)}
	m.List, m.Map = replicate(nil)
	return m
}

// Status reports how full the store is.
func (m *Memory) Status() Status {
	s := statusOf(m.Local.Status(), m.List)
	s.Kind, s.Since, s.Dropped = "memory", m.Local.Started(), m.Bus.Dropped()
	return s
}

// Time is the time of day at the start of the process, carried on steadily.
func (m *Memory) Time(now time.Time) time.Time {
	start := m.Local.Started()
	return start.Add(now.Sub(start)).Round(0)
}

// Close ends the waiting for entries to end, and messages; all else goes with the process.
func (m *Memory) Close() error {
	m.Leases.Close()
	m.Bus.Close()
	m.Map.Close()
	return nil
}
