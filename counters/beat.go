package counters

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed beat.lua
var beatLua string
var beat = redis.NewScript(beatLua)

const (
	beatsKey  = "theriac:nodes"
	beatEvery = time.Second
	beatAgain = 100 * time.Millisecond // after a beat that failed
	beatLife  = 3 * time.Second        // how long an edge lives after a beat
)

// beat tells the store that this edge lives and learns who else does, and
// whether this edge knows all facts. While the store is lost the last answer
// stands. It returns when to beat again.
func (r *Redis) beat() time.Duration {
	var versions versions
	var names []string
	err := r.call(context.Background(), r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		reply, err := beat.Run(ctx, r.client, []string{beatsKey, factsKey, bansKey}, r.member, beatLife.Milliseconds()).Slice()
		if err == nil {
			versions, names, err = parseBeat(reply)
		}
		return err
	})
	if err != nil {
		return beatAgain
	}
	r.names.Store(&names)
	r.nodes.Store(min(max(1, int64(len(names))), maxEdges))
	if !r.reached.Swap(true) {
		r.lost.Store(false)
	}
	r.keepUp(versions.facts)
	r.keepUpBans(versions.bans)
	return beatEvery
}

// versions are those of what the store has. 0: nothing.
type versions struct{ facts, bans int64 }

// parseBeat reads the answer to a beat.
func parseBeat(reply []any) (v versions, names []string, err error) {
	err = errors.New("a heartbeat's answer cannot be read")
	if len(reply) != 3 {
		return v, nil, err
	}
	facts, _ := reply[0].(string)
	bans, _ := reply[2].(string)
	v.facts, v.bans = number(facts), number(bans)
	members, ok := reply[1].([]any)
	if !ok || v.facts < 0 || v.bans < 0 {
		return v, nil, err
	}
	for _, m := range members {
		name, ok := m.(string)
		if !ok {
			return v, nil, err
		}
		names = append(names, name)
	}
	return v, names, nil
}

// number reads a whole number; what is none is negative.
func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// leave takes this edge off the list, so that the others need not wait until
// it is found dead.
func (r *Redis) leave() {
	_ = r.call(context.Background(), r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		return r.client.ZRem(ctx, beatsKey, r.member).Err()
	})
}
