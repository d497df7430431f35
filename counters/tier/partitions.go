package tier

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Partitions is into how many parts the keys are divided that one command need not have
// together: in a Cluster all keys of a part are in one hash slot, and so at one server.
const Partitions = 64

// PartitionKey returns the name of a key of a partition: the part in braces decides which
// server of a Cluster has it.
func PartitionKey(kind string, p uint8, name string) string {
	return fmt.Sprintf("theriac:%s:{%02d}:%s", kind, p%Partitions, name)
}

// Set is a set of partitions, a bit each.
type Set uint64

// everything is the set of all partitions.
const everything = ^Set(0)

// Has reports whether the partition is in the set.
func (s Set) Has(p uint8) bool { return s>>(p%Partitions)&1 == 1 }

// cutOffAfter is how many calls for keys of a partition may fail in a row before edges go on
// with their share of its limits: its server may have died, while the rest of a Cluster is well.
const cutOffAfter = 3

// partition is how calls for the keys of a partition end.
type partition struct {
	failures atomic.Int32 // in a row
	since    atomic.Int64 // when the settlement was sent that is not answered yet; 0: there is none
	fault    atomic.Pointer[error]
}

// partition returns that of a key. A store that is no Cluster is well as a whole or not.
func (t *Tier) partition(p uint8) *partition {
	if !t.opts.Cluster {
		p = 0
	}
	return &t.partitions[p%Partitions]
}

// IsCutOff reports whether the keys of a partition are not to be asked for: calls have failed,
// and no probe has been answered since. Of a single server, heartbeats are the probes.
func (t *Tier) IsCutOff(p uint8) bool { return t.partition(p).failures.Load() >= cutOffAfter }

// IsFailing reports whether the last call for a key of the partition has failed, or is about to:
// a settlement has not been answered for longer than it should take.
func (t *Tier) IsFailing(p uint8) bool {
	part := t.partition(p)
	since := part.since.Load()
	return part.failures.Load() > 0 || since > 0 && int64(time.Since(t.clock.born))-since > int64(slow)+2*t.trip.Load()
}

// slow is how much longer than two round trips a settlement may take.
const slow = 50 * time.Millisecond

// sent notes that a call for keys of the partition was sent, or, at 0, that it is over.
func (t *Tier) sent(p uint8, at time.Duration) { t.partition(p).since.Store(int64(at)) }

// OnRecovery has call called with partitions that were cut off and are no longer. It is for
// before Start.
func (t *Tier) OnRecovery(call func(Set)) { t.recovery = append(t.recovery, call) }

// note takes in how a call for keys of the partition has ended.
func (t *Tier) note(p uint8, err error) {
	part := t.partition(p)
	switch {
	case neverSent(err):
	case err == nil:
		if part.failures.Load() > 0 && part.failures.Swap(0) >= cutOffAfter {
			t.recovered(t.setOf(p))
		}
	default:
		part.fault.Store(&err)
		if part.failures.Add(1) == cutOffAfter {
			t.wakeProbe()
		}
		t.reload()
	}
}

// revive takes in that a probe was answered. It returns the partition if it was cut off; until
// the next probe one failure cuts it off again.
func (t *Tier) revive(p uint8) Set {
	part := t.partition(p)
	if part.failures.Load() < cutOffAfter {
		part.failures.Store(0)
		return 0
	}
	part.failures.Store(cutOffAfter - 1)
	return t.setOf(p)
}

// setOf returns the partitions that are as well as the one.
func (t *Tier) setOf(p uint8) Set {
	if !t.opts.Cluster {
		return everything
	}
	return 1 << (p % Partitions)
}

func (t *Tier) recovered(s Set) {
	if s == 0 {
		return
	}
	for _, call := range t.recovery {
		call(s)
	}
}

// cutOff returns the partitions that are.
func (t *Tier) cutOff() (s Set) {
	for p := range uint8(Partitions) {
		if t.IsCutOff(p) {
			s |= t.setOf(p)
		}
	}
	return s
}
