package bucket

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
)

//go:embed settle.lua
var settleLua string
var settle = tier.NewScript(settleLua)

const (
	settleGap = 100 * time.Millisecond // between two settlements
	maxAsks   = 16384                  // keys that wait to be settled
	maxDebts  = 1024                   // keys that are settled by one round trip
	maxKeys   = 256                    // keys that are settled by one command
)

// ask is the wish to settle what a key owes. How much that is, the slot says
// when its turn comes.
type ask struct {
	key netkey.Key
	lim *Limit
}

// debt is what a key owes at the time of the settlement, and since when.
type debt struct {
	ask
	spent int64
	since int64
	known int64 // how far from full the bucket was, as the store said last
}

// ask queues a key for the next settlement and reports whether there was room.
// Without room the debt stays, and the key's next Take asks again.
func (r *Shared) ask(key netkey.Key, lim *Limit) bool {
	select {
	case r.asks <- ask{key, lim}:
		return true
	default:
		return false
	}
}

// settleAll settles the keys that are queued now: those of each server apart, so that one that does
// not answer delays no other. Keys of a server that has yet to answer stay in the queue.
func (r *Shared) settleAll(first ask) {
	servers := r.tier.Servers()
	asks := map[string][]ask{}
	for next, left := first, len(r.asks); ; left-- {
		at := servers[partition(&next.key)]
		asks[at] = append(asks[at], next)
		if left == 0 {
			break
		}
		next = <-r.asks
	}
	for at, some := range asks {
		if _, isBusy := r.busy.LoadOrStore(at, true); isBusy {
			for _, a := range some {
				r.askAgain(a)
			}
			continue
		}
		r.settling.Go(func() {
			defer r.busy.Delete(at)
			r.settleSome(some)
		})
	}
}

// settleSome settles keys of one server.
func (r *Shared) settleSome(asks []ask) {
	for some := range slices.Chunk(asks, maxDebts) {
		var debts []debt
		at := r.table.at(time.Now())
		for _, a := range some {
			if d := r.debtOf(a, at); d.spent > 0 {
				debts = append(debts, d)
			}
		}
		if len(debts) > 0 { // a round trip with nothing in it would look like health
			r.settle(debts, at)
		}
	}
}

// askAgain queues a key that was queued before. Without room its next Take asks.
func (r *Shared) askAgain(a ask) {
	set := r.table.set(&a.key)
	set.mu.Lock()
	defer set.mu.Unlock()
	if s := set.find(&a.key); s != nil {
		s.asked = r.ask(a.key, a.lim)
	}
}

// debtOf reads what a key owes.
func (r *Shared) debtOf(a ask, at int64) (d debt) {
	set := r.table.set(&a.key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := set.find(&a.key)
	if s == nil {
		return d
	}
	if s.owed == 0 || r.tier.IsCutOff(partition(&a.key)) { // its next Take asks again
		s.asked = false
		return d
	}
	every, _ := a.lim.terms()
	spent := int64(s.owed)
	return debt{ask: a, spent: spent, since: min(at, s.mine-spent*every), known: max(0, s.known-at)}
}

// settle tells the store what was spent and learns how the buckets are.
func (r *Shared) settle(debts []debt, at int64) {
	bills := r.bills(debts, at)
	err := r.send(bills)
	for _, b := range bills {
		ahead, fault := b.ahead(err)
		for i, d := range b.debts {
			if fault == nil {
				r.settled(d, at, ahead[i]*int64(time.Microsecond))
			} else {
				r.unsettled(d, tier.MayHaveArrived(fault))
			}
		}
	}
}

// bill is one command: the debts of keys that one server has.
type bill struct {
	debts []debt
	call  tier.Call
}

// bills makes commands of debts. In a Cluster all keys of one command must be
// in one slot, elsewhere they need only be few enough. Those of a partition that has failed go
// one by one: while a slot moves to another server, commands with several keys are refused.
func (r *Shared) bills(debts []debt, at int64) (bills []*bill) {
	open := map[uint8]*bill{}
	for _, d := range debts {
		part, most := uint8(0), maxKeys
		if r.tier.Cluster() {
			part = partition(&d.key)
			if r.tier.IsFailing(part) {
				most = 1
			}
		}
		b := open[part]
		if b == nil || len(b.debts) >= most {
			b = &bill{call: tier.Call{Partition: part}}
			open[part] = b
			bills = append(bills, b)
		}
		every, window := d.lim.terms()
		cost := (d.spent*every + 500) / 1000
		b.debts = append(b.debts, d)
		b.call.Keys = append(b.call.Keys, name("bucket", &d.key))
		b.call.Args = append(b.call.Args, cost, (at-d.since)/1000, d.known/1000, farthest(window, r.tier.Edges())/1000)
	}
	return bills
}

// send sends the bills in one round trip. A settlement may be a thousand keys long, and no request
// waits for it; but debts pile up until it is given up.
func (r *Shared) send(bills []*bill) error {
	calls := make([]*tier.Call, len(bills))
	for i, b := range bills {
		calls[i] = &b.call
	}
	return r.tier.RunAll(r.tier.Deadline()+settleGap, settle, calls)
}

// ahead reads the reply: for each key how many microseconds its bucket is from
// full. sent is why the bill may not even have been sent.
func (b *bill) ahead(sent error) ([]int64, error) {
	if b.call.Reply == nil {
		return nil, sent
	}
	ahead, err := b.call.Reply.Int64Slice()
	if err == nil && len(ahead) != len(b.debts) {
		err = fmt.Errorf("settling %d keys: %d answers", len(b.debts), len(ahead))
	}
	return ahead, err
}

// settled takes note of how far from full the bucket was at the settlement.
func (r *Shared) settled(d debt, at, ahead int64) {
	every, window := d.lim.terms()
	d.lim.Settled.Add(d.spent)
	if beyond := (ahead - window + every - 1) / every; beyond > 0 {
		d.lim.Over.Add(min(beyond, d.spent))
	}
	set := r.table.set(&d.key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := set.find(&d.key)
	if s == nil {
		return
	}
	s.alone = false
	nodes := r.tier.Edges()
	s.learn(d, at+ahead, every, s.cost(every, window, nodes))
	// What was spent meanwhile must not wait for the key's next Take, which may
	// never come.
	s.asked = s.scarce(at, window, d.lim.slack(nodes), false) && r.ask(d.key, d.lim)
}

// unsettled queues the debt for the next settlement, unless it may have been
// settled after all: nothing is charged twice.
func (r *Shared) unsettled(d debt, maybe bool) {
	set := r.table.set(&d.key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := set.find(&d.key)
	if s == nil {
		return
	}
	if maybe {
		s.owed = int32(max(0, int64(s.owed)-d.spent))
	}
	s.asked = s.owed > 0 && r.ask(d.key, d.lim)
}

// partition spreads the keys over the servers of a Cluster.
func partition(key *netkey.Key) uint8 { return key[0] % tier.Partitions }

// name is how a key is called in the store.
func name(kind string, key *netkey.Key) string {
	return tier.PartitionKey(kind, partition(key), base64.RawURLEncoding.EncodeToString(key[:]))
}
