package shield

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// book is what this edge knows of the bans besides the store: how many there
// are, whose addresses came here, and what was not banned. It outlives reloads,
// and holds addresses in memory only.
type book struct {
	all, some atomic.Int64 // bans in force: at all shops, at a single one

	mu    sync.RWMutex
	known map[netkey.Key][]ban.Ban
	met   map[netkey.Key]netip.Prefix // of bans whose address is known here
	asked map[netkey.Key]charge       // what the store has not answered yet
	notes []Note                      // the last ones, oldest first
}

const (
	maxMet   = 65536 // addresses of banned clients: as many as there can be bans
	maxAsked = 1024
	maxNotes = 32
)

func newBook() *book {
	return &book{
		known: make(map[netkey.Key][]ban.Ban), met: make(map[netkey.Key]netip.Prefix), asked: make(map[netkey.Key]charge),
	}
}

// learn takes in what the store tells of a ban. It returns the banned prefix
// if this edge has met it, and the charge that this is the answer to.
func (b *book) learn(news ban.Event) (prefix netip.Prefix, met bool, answers *charge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := &b.all
	if news.Shop != "" {
		count = &b.some
	}
	bans := b.known[news.Key]
	at := slices.IndexFunc(bans, func(b ban.Ban) bool { return b.Shop == news.Shop })
	prefix, met = b.met[news.Key]
	switch {
	case news.Over() && at >= 0:
		count.Add(-1)
		if bans = slices.Delete(bans, at, at+1); len(bans) > 0 {
			b.known[news.Key] = bans
			break
		}
		delete(b.known, news.Key)
		delete(b.met, news.Key)
	case news.Over():
	case at >= 0:
		bans[at] = news.Ban
	default:
		count.Add(1)
		b.known[news.Key] = append(bans, news.Ban)
	}
	if c, ok := b.asked[news.Key]; ok && !news.Over() && c.ban.Shop == news.Shop {
		delete(b.asked, news.Key)
		answers = &c
	}
	return prefix, met, answers
}

// meet notes whom the key of a ban stands for, and reports whether that is
// news.
func (b *book) meet(key netkey.Key, prefix netip.Prefix) bool {
	b.mu.RLock()
	_, met := b.met[key]
	b.mu.RUnlock()
	if met {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.known[key]) == 0 || len(b.met) >= maxMet {
		return false // it has just ended, or there is no room
	}
	b.met[key] = prefix
	return true
}

// expect is meet for a ban that is about to be made.
func (b *book) expect(key netkey.Key, prefix netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.met) < maxMet {
		b.met[key] = prefix
	}
}

// ask notes what the store is asked for. There is no answer where it refuses
// later, so what is older than that takes is returned, as refused.
func (b *book) ask(c *charge) (refused []charge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	refused = b.sweep(c.ban.Told)
	if len(b.met) < maxMet && len(b.asked) < maxAsked {
		b.met[c.ban.Key] = clientOf(c.addr)
		b.asked[c.ban.Key] = *c
	}
	return refused
}

// answerWithin is how long the store takes at the most to say that a ban holds.
const answerWithin = 2 * time.Second

// sweep takes out what the store has refused by not answering. The caller holds
// the lock.
func (b *book) sweep(now time.Time) (refused []charge) {
	for key, c := range b.asked {
		if now.Sub(c.ban.Told) > answerWithin {
			refused = append(refused, c)
			b.withdraw(key)
		}
	}
	return refused
}

// part forgets whom a key stands for that is not banned.
func (b *book) part(key netkey.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.withdraw(key)
}

func (b *book) withdraw(key netkey.Key) {
	delete(b.asked, key)
	if len(b.known[key]) == 0 {
		delete(b.met, key)
	}
}

// whose is the address behind a ban's key, if it came to this edge.
func (b *book) whose(key netkey.Key) (netip.Prefix, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	prefix, ok := b.met[key]
	return prefix, ok
}

// bansOf is how many bans a key has: one for each reach.
func (b *book) bansOf(key netkey.Key) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.known[key])
}

// inForce is what is met of the bans at all shops, by prefix.
func (b *book) inForce() map[netip.Prefix]ban.Ban {
	b.mu.RLock()
	defer b.mu.RUnlock()
	bans := make(map[netip.Prefix]ban.Ban, len(b.met))
	for key, prefix := range b.met {
		for _, ban := range b.known[key] {
			if ban.Shop == "" {
				bans[prefix] = ban
			}
		}
	}
	return bans
}

// Note is a ban that was not made, for people.
type Note struct {
	At      time.Time `json:"at"`
	Client  string    `json:"client"` // its address
	Shop    shop.ID   `json:"shop"`
	Cause   ban.Cause `json:"cause"`
	Rule    string    `json:"rule"`
	Outcome string    `json:"outcome"`
}

func (b *book) note(n Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.notes) >= maxNotes {
		b.notes = append(b.notes[:0], b.notes[1:]...)
	}
	b.notes = append(b.notes, n)
}

// noted are the last notes.
func (b *book) noted() []Note {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.notes)
}

// overdue is sweep for who does not hold the lock.
func (b *book) overdue(now time.Time) []charge {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sweep(now)
}
