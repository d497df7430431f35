package replica

import (
	"context"
	_ "embed"
	"slices"
	"strconv"

	"github.com/theriac-edge/theriac/counters/tier"
)

//go:embed changes.lua
var changesLua string
var changes = tier.NewTimed(changesLua)

const (
	maxPage      = 1000    // entries that are read at once
	maxPageBytes = 1 << 18 // after which no more are
	maxDeaf      = 2       // heartbeats that may show something which was not heard
)

// page is some of what stands in the store.
type page struct {
	version int64 // of the whole map
	upTo    int64 // this is all of it up to this version
	began   int64 // the first version of the map
	floor   int64 // the latest version of an entry that was removed
	lines   []string
}

// compare takes in the version that the heartbeat has brought, and has the map
// compared with the store's if they differ, or if something was not told. A
// subscription that does not hear what the heartbeats show is renewed.
func (m *Map) compare(version int64) {
	m.mu.Lock()
	same := m.version == version
	for _, k := range m.kinds {
		same = same && k.pending == 0
	}
	switch {
	case m.heard == unknown:
		m.heard = version
	case m.heard >= m.before:
		m.deaf = 0
	default:
		m.deaf++
	}
	m.before = version
	renew := m.deaf >= maxDeaf
	if renew {
		m.deaf, m.renewed = 0, true
	}
	m.mu.Unlock()
	if !same {
		m.requestSync()
	}
	if renew {
		m.tier.Resubscribe()
	}
}

// subscribed has the map compared with the store's: the subscription is new. If it
// was not renewed but lost, the store may have been emptied or gone back.
func (m *Map) subscribed() {
	m.mu.Lock()
	if !m.renewed {
		m.version = unknown
		m.epoch++
	}
	m.renewed, m.heard = false, unknown
	m.mu.Unlock()
	m.requestSync()
}

// invalidate makes sure that the whole map is read the next time.
func (m *Map) invalidate() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version = unknown
	m.epoch++
}

// corrected has the whole map read anew: the tier's time was not what this edge took it for, so
// the ends that it knows may be wrong.
func (m *Map) corrected() {
	m.invalidate()
	m.mu.Lock()
	m.doubtful = true
	m.mu.Unlock()
}

// receive takes in what was published, and has the map compared with the store's if
// something before it was not heard.
func (m *Map) receive(line string) {
	k, e, err := m.parseLine(line, m.now())
	if err != nil {
		m.requestSync()
		return
	}
	m.mu.Lock()
	if k != nil {
		m.merge(k, e, nil)
	}
	m.heard = max(m.heard, e.version)
	missed := false
	if m.version != unknown && e.version > m.version {
		if missed = e.version != m.version+1 && m.version != 0; !missed {
			m.version = e.version
		}
	}
	m.mu.Unlock()
	m.deliver()
	if missed {
		m.requestSync()
	}
}

// sync reads what changed since the version that this edge knows; everything,
// if it cannot be sure or the store was emptied. Then it tells the store what that
// should know and does not. If something fails the next heartbeat tries again.
func (m *Map) sync() {
	whole, after, began, epoch := m.begin()
	var p page
	for {
		var err error
		if p, err = m.read(after); err != nil {
			m.invalidate()
			return
		}
		if p.version < after || after > 0 && p.began != began { // it has forgotten the last of it, or was emptied
			m.invalidate()
			whole, after, began, epoch = m.begin()
			continue
		}
		m.mergeAll(p.lines)
		m.deliver()
		began = p.began
		if after = p.upTo; p.upTo >= p.version {
			break
		}
	}
	if whole {
		m.publishAdmissions(true)
	}
	for k, entries := range m.missing(whole, &p) {
		if _, err := m.publish(context.Background(), k, entries, m.tier.Patience()); err != nil {
			m.invalidate()
			return
		}
	}
	m.deliver()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == epoch { // otherwise everything may have changed meanwhile
		m.version, m.began, m.doubtful = max(m.version, after), began, false
	}
}

// begin begins to read the map, and returns after which version.
func (m *Map) begin() (whole bool, after, began, epoch int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.version > 0 {
		return false, m.version, m.began, m.epoch
	}
	m.round++
	return true, 0, 0, m.epoch
}

// read reads one page.
func (m *Map) read(after int64) (p page, err error) {
	if m.tier.Lost() {
		return p, tier.ErrLost
	}
	keys, args := []string{mapKey, changesKey, tier.ClockKey}, []any{after, maxPage, maxPageBytes}
	err = m.tier.Run(context.Background(), m.tier.Patience(), changes, keys, args, func(reply tier.Reply) error {
		values, err := reply.Slice()
		if err == nil {
			p, err = parsePage(values, after)
		}
		return err
	})
	return p, err
}

// parsePage reads the answer of changes.lua. One that leads nowhere is refused.
func parsePage(reply []any, after int64) (p page, err error) {
	if len(reply) != 5 {
		return p, errMalformed
	}
	for i, n := range []*int64{&p.version, &p.upTo, &p.began, &p.floor} {
		digits, _ := reply[i].(string)
		if *n, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return page{}, errMalformed
		}
	}
	lines, ok := reply[4].([]any)
	if !ok || p.version < 0 || p.upTo > p.version || p.upTo < p.version && p.upTo <= after {
		return page{}, errMalformed
	}
	for _, line := range lines {
		text, _ := line.(string)
		p.lines = append(p.lines, text)
	}
	return p, nil
}

// mergeAll takes in what stands in the store. What is malformed is left out.
func (m *Map) mergeAll(lines []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range lines {
		if k, e, err := m.parseLine(line, m.now()); err == nil && k != nil {
			m.merge(k, e, nil)
		}
	}
}

// missing returns what the store is to be told: what it was not yet, and, if the
// whole map was read, what it has forgotten. What it had and has removed is
// forgotten here, too.
func (m *Map) missing(whole bool, p *page) map[*kind][]*entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, tell := m.now(), map[*kind][]*entry{}
	for _, k := range m.kinds {
		if !whole && k.pending == 0 {
			continue
		}
		var removed []*entry
		for _, e := range k.entries {
			absent := whole && (e.round != m.round || e.version > p.upTo)
			switch {
			case e.over(now):
			case e.request != nil:
				tell[k] = append(tell[k], e)
			case absent && p.began <= e.version && e.version <= p.floor:
				removed = append(removed, e)
			case absent:
				tell[k] = append(tell[k], e)
			}
		}
		for _, e := range removed {
			m.drop(k, e)
		}
		slices.SortFunc(tell[k], func(a, b *entry) int { return int(min(1, max(-1, a.told-b.told))) })
	}
	return tell
}
