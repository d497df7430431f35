package counters

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed since.lua
var sinceLua string
var since = redis.NewScript(sinceLua)

// maxPage is how many bans are read at once.
const maxPage = 1000

// page is some of what stands in the store.
type page struct {
	version int64 // of the whole list
	upTo    int64 // this is all of it up to this version
	lines   []string
}

// catchUp reads what changed since the version that this edge knows; all, if
// it cannot be sure or the store began anew. Then it tells the store what that
// should know and does not. If something fails the next heartbeat tries again.
func (r *Redis) catchUp() {
	b := r.bans
	whole, after, doubts := b.begin()
	for {
		p, err := r.readSince(after)
		if err != nil {
			b.mistrust()
			return
		}
		if p.version < after { // it began anew, or has forgotten the last of it
			b.mistrust()
			whole, after, doubts = b.begin()
			continue
		}
		b.takeAll(p.lines, time.Now())
		b.deliver()
		if after = p.upTo; p.upTo >= p.version {
			break
		}
	}
	if whole {
		r.tellVouched(b.vouchers.all(time.Now()))
	}
	if err := r.tellBans(b.lacking(whole, after)); err != nil {
		b.mistrust()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.doubts == doubts { // else all may have changed meanwhile
		b.version = max(b.version, after)
	}
}

// readSince reads one page.
func (r *Redis) readSince(after int64) (p page, err error) {
	if r.lost.Load() {
		return p, errLost
	}
	err = r.call(context.Background(), settlePatience*r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		reply, err := since.Run(ctx, r.client, []string{bansKey, changesKey}, after, maxPage).Slice()
		if err == nil {
			p, err = parsePage(reply, after)
		}
		return err
	})
	return p, err
}

// parsePage reads the answer of since.lua. One that leads nowhere is refused.
func parsePage(reply []any, after int64) (p page, err error) {
	if len(reply) != 3 {
		return p, errLine
	}
	version, _ := reply[0].(string)
	upTo, _ := reply[1].(string)
	lines, ok := reply[2].([]any)
	p.version, err = strconv.ParseInt(version, 10, 64)
	if err != nil || !ok {
		return p, errLine
	}
	p.upTo, err = strconv.ParseInt(upTo, 10, 64)
	if err != nil || p.version < 0 || p.upTo > p.version || p.upTo < p.version && p.upTo <= after {
		return p, errLine
	}
	for _, line := range lines {
		text, _ := line.(string)
		p.lines = append(p.lines, text)
	}
	return p, nil
}

// begin begins to read the list, and says after which version.
func (b *bans) begin() (whole bool, after, doubts int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.version > 0 {
		return false, b.version, b.doubts
	}
	b.round++
	return true, 0, b.doubts
}

// mistrust makes sure that the whole list is read the next time.
func (b *bans) mistrust() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.version = unsure
	b.doubts++
}

// takeAll takes in what stands in the store. What cannot be read is left out.
func (b *bans) takeAll(lines []string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range lines {
		if r, err := parseBan(line, now); err == nil {
			b.take(r, nil, now)
		}
	}
}

// lacking returns what the store is to be told: what it was not yet, and, if
// the whole list was read, what it has forgotten.
func (b *bans) lacking(whole bool, version int64) (rows []*row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !whole && b.untold == 0 {
		return nil
	}
	now := time.Now()
	for r := range b.rows() {
		forgotten := whole && (r.round != b.round || r.version > version)
		if (r.asked != nil || forgotten) && !r.over(now) {
			rows = append(rows, r)
		}
	}
	return rows
}

// heard takes in what was published, and reports whether something before it
// was not heard.
func (b *bans) heard(line string, now time.Time) (missed bool) {
	r, err := parseBan(line, now)
	if err != nil {
		return true
	}
	defer b.deliver()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.take(r, nil, now)
	if b.version == unsure || r.version <= b.version {
		return false
	}
	if missed = r.version != b.version+1 && b.version != 0; !missed {
		b.version = r.version
	}
	return missed
}
