package counters

import (
	"context"
	_ "embed"
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

// beat tells the store that this edge lives and learns who else does. While
// the store is lost the last answer stands. It returns when to beat again.
func (r *Redis) beat() time.Duration {
	var names []string
	err := r.call(context.Background(), r.opts.Deadline, func(ctx context.Context) (err error) {
		r.commands.Add(1)
		names, err = beat.Run(ctx, r.client, []string{beatsKey}, r.member, beatLife.Milliseconds()).StringSlice()
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
	return beatEvery
}

// leave takes this edge off the list, so that the others need not wait until
// it is found dead.
func (r *Redis) leave() {
	_ = r.call(context.Background(), r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		return r.client.ZRem(ctx, beatsKey, r.member).Err()
	})
}
