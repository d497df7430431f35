package tier

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"
)

//go:embed heartbeat.lua
var heartbeatLua string
var heartbeat = NewScript(heartbeatLua)

const (
	nodesKey       = "theriac:nodes"
	heartbeatEvery = time.Second
	heartbeatAgain = 100 * time.Millisecond // after one that failed
	heartbeatLife  = 3 * time.Second        // how long an edge lives after one
	heartbeatWait  = time.Second            // for its answer, on which no request waits
)

// Key returns the name of a key that one script may use together with all other
// keys made by Key: the part in braces has a Redis Cluster keep them in one hash
// slot, where the heartbeats are.
func Key(name string) string { return "theriac:" + name + ":{" + nodesKey + "}" }

// heartbeat tells the store that this edge lives and learns which others do,
// and the version of the map. While the store is lost the last answer stands.
// It returns when to send the next one.
func (t *Tier) heartbeat() time.Duration {
	var answer heard
	began := time.Now()
	keys, args := t.beat(began)
	err := t.Run(context.Background(), max(heartbeatWait, t.opts.Deadline), heartbeat, keys, args, func(reply Reply) error {
		values, err := reply.Slice()
		if err == nil {
			answer, err = parseHeartbeat(values)
		}
		return err
	})
	if err != nil {
		if t.missed.Add(1) == tripAfter && t.opts.Cluster && t.reached.Load() {
			t.wakeProbe()
		}
		return heartbeatAgain
	}
	t.missed.Store(0)
	t.heard()
	if !t.opts.Cluster {
		t.recovered(t.revive(0))
	}
	ended := time.Now()
	t.measure(ended.Sub(began))
	t.names.Store(&answer.names)
	t.edges.Store(min(max(1, int64(len(answer.names))), maxEdges))
	t.compareClocks(&answer, began, ended)
	if !answer.sure {
		return heartbeatEvery + heartbeatAgain // by then the other edges have sent one, if there are any
	}
	if !t.reached.Swap(true) {
		t.lost.Store(false)
	}
	if t.feed.Version != nil {
		t.feed.Version(answer.version)
	}
	return heartbeatEvery
}

// beat is what one heartbeat says.
func (t *Tier) beat(now time.Time) (keys []string, args []any) {
	keys = []string{nodesKey, t.feed.key(), ClockKey}
	return keys, []any{t.member, heartbeatLife.Milliseconds(), t.clock.carried(now).Milliseconds()}
}

// measure notes how long a heartbeat took. The best is believed, and forgotten by and by: a
// busy store is not far away.
func (t *Tier) measure(trip time.Duration) {
	best := t.trip.Load()
	if best == 0 || int64(trip) < best {
		best = int64(trip)
	} else {
		best += (int64(trip) - best) / 16
	}
	t.trip.Store(best)
}

// heard is the answer to a heartbeat.
type heard struct {
	version int64         // of the replicated map
	names   []string      // of the live edges
	now     time.Duration // by the store's clock, since 1970
	tier    time.Duration // by the tier's
	sure    bool          // of that
}

func parseHeartbeat(reply []any) (h heard, err error) {
	malformed := errors.New("malformed answer to a heartbeat")
	if len(reply) != 5 {
		return h, malformed
	}
	members, ok := reply[1].([]any)
	if !ok {
		return h, malformed
	}
	var numbers [5]int64
	for _, i := range []int{0, 2, 3, 4} {
		digits, _ := reply[i].(string)
		if numbers[i], err = strconv.ParseInt(digits, 10, 64); err != nil || numbers[i] < 0 {
			return h, malformed
		}
	}
	if max(numbers[2], numbers[3]) > maxMillis {
		return h, malformed
	}
	h.version, h.sure = numbers[0], numbers[4] == 1
	h.now, h.tier = time.Duration(numbers[2])*time.Millisecond, time.Duration(numbers[3])*time.Millisecond
	for _, m := range members {
		name, ok := m.(string)
		if !ok {
			return h, malformed
		}
		h.names = append(h.names, name)
	}
	return h, nil
}

// maxMillis is the year 2261, beyond which a Duration since 1970 does not reach.
const maxMillis = 9_200_000_000_000

// leave removes this edge from the list, so that the others need not wait until
// it is found dead.
func (t *Tier) leave() {
	_ = t.call(context.Background(), t.opts.Deadline, func(ctx context.Context) error {
		t.commands.Add(1)
		return t.client.ZRem(ctx, nodesKey, t.member).Err()
	})
}
