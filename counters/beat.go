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
	var version int64
	var names []string
	err := r.call(context.Background(), r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		reply, err := beat.Run(ctx, r.client, []string{beatsKey, factsKey}, r.member, beatLife.Milliseconds()).Slice()
		if err == nil {
			version, names, err = parseBeat(reply)
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
	r.keepUp(version)
	return beatEvery
}

// parseBeat reads the answer to a beat.
func parseBeat(reply []any) (version int64, names []string, err error) {
	err = errors.New("a heartbeat's answer cannot be read")
	if len(reply) != 2 {
		return 0, nil, err
	}
	digits, _ := reply[0].(string)
	version, notNumber := strconv.ParseInt(digits, 10, 64)
	members, ok := reply[1].([]any)
	if !ok || notNumber != nil {
		return 0, nil, err
	}
	for _, m := range members {
		name, ok := m.(string)
		if !ok {
			return 0, nil, err
		}
		names = append(names, name)
	}
	return version, names, nil
}

// leave takes this edge off the list, so that the others need not wait until
// it is found dead.
func (r *Redis) leave() {
	_ = r.call(context.Background(), r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		return r.client.ZRem(ctx, beatsKey, r.member).Err()
	})
}
