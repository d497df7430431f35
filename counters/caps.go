package counters

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// caps count the bans that each shop asks for at this edge in the present
// minute, and what was refused. With Redis its own counts hold; these only
// spare it questions whose answer is known.
type caps struct {
	mu     sync.Mutex
	minute int64
	made   map[shop.ID]int // as many as there are shops

	vouched, capped, noRoom atomic.Int64
}

// take takes one of the bans that the shop may make in this minute.
func (c *caps) take(at shop.ID, most int, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(now)
	if c.made[at] >= most {
		return false
	}
	c.made[at]++
	return true
}

// exhaust notes that the store will refuse the shop until the minute is over.
func (c *caps) exhaust(at shop.ID, most int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(now)
	c.made[at] = max(c.made[at], most)
}

// begin forgets the minute before. The caller holds the lock.
func (c *caps) begin(now time.Time) {
	if minute := now.Unix() / 60; minute != c.minute || c.made == nil {
		c.minute, c.made = minute, map[shop.ID]int{}
	}
}

// refuse counts that there was no ban, and returns why.
func (c *caps) refuse(why error) error {
	switch why {
	case ErrVouched:
		c.vouched.Add(1)
	case ErrCapped:
		c.capped.Add(1)
	case ErrNoRoom:
		c.noRoom.Add(1)
	}
	return why
}
