package tier

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that the store runs in one step. It is called by its
// hash; a server that does not know the hash is sent the text.
type Script struct {
	text   string
	script *redis.Script
}

// NewScript prepares a script.
func NewScript(text string) *Script { return &Script{text, redis.NewScript(text)} }

// Reply is the answer of one script.
type Reply = *redis.Cmd

// Run runs a script and has read read its answer. A caller that goes away is not
// waited for; read is not called if the store was lost, refused, or did not
// answer within patience. An error of read counts as one of the store.
func (t *Tier) Run(ctx context.Context, patience time.Duration, s *Script, keys []string, args []any, read func(Reply) error) error {
	return t.call(context.WithoutCancel(ctx), patience, func(ctx context.Context) error {
		t.commands.Add(1)
		reply := s.script.Run(ctx, t.client, keys, args...)
		if err := reply.Err(); err != nil {
			return err
		}
		return read(reply)
	})
}

// Call is one of several calls of a script that are sent together.
type Call struct {
	Keys  []string
	Args  []any
	Reply Reply // nil if it was never sent
}

// RunAll sends calls of one script in one round trip. An error of a single call is in its
// Reply only: RunAll fails if all did.
func (t *Tier) RunAll(patience time.Duration, s *Script, calls []*Call) error {
	return t.call(context.Background(), patience, func(ctx context.Context) error {
		pipe := t.client.Pipeline()
		for _, c := range calls {
			c.Reply = pipe.EvalSha(ctx, s.script.Hash(), c.Keys, c.Args...)
		}
		t.commands.Add(int64(len(calls)))
		_, err := pipe.Exec(ctx)
		for _, c := range calls {
			if redis.HasErrorPrefix(c.Reply.Err(), "NOSCRIPT") {
				c.Reply = pipe.Eval(ctx, s.text, c.Keys, c.Args...)
				t.commands.Add(1)
			}
		}
		if pipe.Len() > 0 {
			_, err = pipe.Exec(ctx)
		}
		if slices.ContainsFunc(calls, func(c *Call) bool { return c.Reply.Err() == nil }) {
			return nil
		}
		return err
	})
}

// Delete deletes keys, each of which may be on another server of a Cluster.
func (t *Tier) Delete(keys []string) error {
	if t.Lost() {
		return ErrLost
	}
	return t.call(context.Background(), t.Patience(), func(ctx context.Context) error {
		pipe := t.client.Pipeline()
		for _, key := range keys {
			pipe.Del(ctx, key)
		}
		t.commands.Add(int64(len(keys)))
		_, err := pipe.Exec(ctx)
		return err
	})
}

// SetOnce sets a key for life unless it is set already, and reports whether it
// was not.
func (t *Tier) SetOnce(ctx context.Context, key string, life time.Duration) (first bool, err error) {
	err = t.call(context.WithoutCancel(ctx), t.Patience(), func(ctx context.Context) error {
		t.commands.Add(1)
		err := t.client.SetArgs(ctx, key, 1, redis.SetArgs{Mode: "NX", TTL: WholeMillis(life)}).Err()
		first = err == nil
		if errors.Is(err, redis.Nil) { // another edge was asked before
			return nil
		}
		return err
	})
	return first, err
}

// WholeMillis rounds up to what the store can count: at least one millisecond.
func WholeMillis(d time.Duration) time.Duration {
	return max(time.Millisecond, (d + time.Millisecond - 1).Truncate(time.Millisecond))
}
