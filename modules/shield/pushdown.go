package shield

import (
	"maps"
	"net/netip"
	"sync"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/theriac-edge/theriac/shop/ban"
)

// below is the scrubber below this edge, as the edge sees it: what it shall
// drop, what it has not been told yet, and what it says. Who passes a verdict
// only notes it; one goroutine does the talking, see talk. A scrubber that is
// absent, slow or hung costs a request nothing.
type below struct {
	wake chan struct{}

	mu       sync.Mutex
	address  string // empty: there is none
	verdicts map[netip.Prefix]*verdict
	due      map[netip.Prefix]wire.Verdict // not told yet: the newest of each
	boot     string                        // which start of the scrubber has been told all
	asked    time.Time                     // when it was talked to
	state    Below

	renew  func(netip.Prefix, ban.Ban, time.Time)
	change func(Below) // tells operators
}

// verdict is one prefix that the scrubber drops.
type verdict struct {
	ban     ban.Ban
	packets uint64    // dropped so far
	told    time.Time // when it was passed
	first   time.Time // when it was passed first, before all renewals
	late    uint64    // of these in the last part of its life
	since   time.Time
	why     string // it was not carried out
}

// Below is how the scrubber is, for people and metrics.
type Below struct {
	Address  string    `json:"address"`
	Answers  bool      `json:"answers"`
	Reason   string    `json:"reason,omitempty"` // why it does not
	Since    time.Time `json:"since"`            // since when it is so
	Verdicts int       `json:"bans"`
	Due      int       `json:"pending_bans"` // not told yet
	Refused  int       `json:"refused"`      // told, and not carried out
	Packets  uint64    `json:"packets"`      // dropped since the edge started
	Passed   uint64    `json:"passed"`       // verdicts, since then
	Dropped  uint64    `json:"dropped"`      // verdicts for which there was no room
}

// maxVerdicts is how many verdicts an edge keeps: as many as there are bans.
const maxVerdicts = maxMet

func newBelow(renew func(netip.Prefix, ban.Ban, time.Time), change func(Below)) *below {
	return &below{
		wake: make(chan struct{}, 1), renew: renew, change: change,
		verdicts: make(map[netip.Prefix]*verdict), due: make(map[netip.Prefix]wire.Verdict),
	}
}

// use says where the scrubber listens, when a configuration comes into force.
// inForce returns what is met of the bans in force. It is asked while no ban can
// be passed or lifted, so that neither is undone.
func (b *below) use(address string, inForce func() map[netip.Prefix]ban.Ban) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bans := inForce()
	if b.address != address {
		clear(b.due)
		clear(b.verdicts)
		b.address, b.boot, b.asked = address, "", time.Time{}
		b.state = Below{Address: address, Since: time.Now(), Packets: b.state.Packets, Passed: b.state.Passed}
	}
	for prefix, v := range b.verdicts {
		if _, still := bans[prefix]; !still {
			b.drop(prefix, v.ban)
		}
	}
	b.ring()
	for prefix, ban := range bans {
		if v := b.verdicts[prefix]; v == nil || !v.ban.Until.Equal(ban.Until) {
			b.put(prefix, ban)
		}
	}
}

// pass has the scrubber drop a prefix as long as the ban lasts.
func (b *below) pass(prefix netip.Prefix, ban ban.Ban) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(prefix, ban)
}

func (b *below) put(prefix netip.Prefix, ban ban.Ban) {
	if b.address == "" {
		return
	}
	v := b.verdicts[prefix]
	if v == nil {
		if len(b.verdicts) >= maxVerdicts {
			b.state.Dropped++
			return
		}
		v = &verdict{first: time.Now()}
		b.verdicts[prefix] = v
	}
	v.ban, v.told, v.late, v.since = ban, time.Now(), 0, time.Time{}
	b.due[prefix] = verdictOf(prefix, ban)
	b.ring()
}

func verdictOf(prefix netip.Prefix, ban ban.Ban) wire.Verdict {
	return wire.Verdict{Prefix: prefix, Until: ban.Until, Shop: ban.Shop, Cause: ban.Cause}
}

// lift takes a verdict back, unless it has ended by itself.
func (b *below) lift(prefix netip.Prefix, ban ban.Ban) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(prefix, ban)
}

func (b *below) drop(prefix netip.Prefix, ban ban.Ban) {
	v := b.verdicts[prefix]
	if v == nil {
		return
	}
	delete(b.verdicts, prefix)
	delete(b.due, prefix)
	switch {
	case !v.ban.Until.After(time.Now()):
	case len(b.due) >= maxVerdicts:
		b.state.Dropped++ // it ends by itself
	default:
		b.due[prefix] = wire.Verdict{Prefix: prefix, Shop: ban.Shop, Cause: ban.Cause}
		b.ring()
	}
}

func (b *below) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// lookEvery is how often a scrubber is asked that drops nothing for this edge:
// so people see in time that it is not there.
const lookEvery = 10 * time.Second

// batch takes out what is due, as much as fits into one message, and says
// whether more is, and whether the scrubber is to be talked to at all. What was
// over before it could be told is left out.
func (b *below) batch(now time.Time) (batch []wire.Verdict, more, worth bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.address == "" {
		return nil, false, false
	}
	for prefix, v := range b.due {
		if len(batch) == wire.MaxVerdicts {
			break
		}
		delete(b.due, prefix)
		if v.Until.IsZero() || v.Until.After(now) {
			batch = append(batch, v)
		}
	}
	worth = len(batch) > 0 || now.Sub(b.asked) >= lookEvery || !b.state.Answers ||
		len(b.verdicts) > 0 && now.Sub(b.asked) >= pollEvery
	if worth {
		b.asked = now
	}
	return batch, len(b.due) > 0, worth
}

// failed keeps a batch that could not be told, except what has changed since.
func (b *below) failed(batch []wire.Verdict, why error) {
	b.mu.Lock()
	for _, v := range batch {
		if _, newer := b.due[v.Prefix]; !newer && len(b.due) < maxVerdicts {
			b.due[v.Prefix] = v
		}
	}
	b.turn(false, why.Error())
}

// turn notes whether the scrubber answers, and unlocks.
func (b *below) turn(answers bool, why string) {
	if was := b.state; was.Answers != answers || was.Reason == "" && !answers {
		b.state.Answers, b.state.Reason, b.state.Since = answers, why, time.Now()
		state := b.state
		b.mu.Unlock()
		b.change(state)
		return
	}
	b.mu.Unlock()
}

// report is how the scrubber is.
func (b *below) report() Below {
	b.mu.Lock()
	defer b.mu.Unlock()
	state := b.state
	state.Verdicts, state.Due = len(b.verdicts), len(b.due)
	for _, v := range b.verdicts {
		if v.why != "" {
			state.Refused++
		}
	}
	return state
}

// dropped is what the scrubber says of the banned prefixes.
func (b *below) dropped() map[netip.Prefix]verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[netip.Prefix]verdict, len(b.verdicts))
	for prefix, v := range maps.All(b.verdicts) {
		all[prefix] = *v
	}
	return all
}
