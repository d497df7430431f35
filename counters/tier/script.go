package tier

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
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

// once is a command that go-redis sends to no server a second time. Its ClusterClient would
// send all commands for a server again if the first was refused for the moment, as with
// TRYAGAIN, or the connection broke: what was spent would be charged twice. MOVED and ASK are
// followed nevertheless.
type once struct{ *redis.Cmd }

// NoRetry reports that a command that fails has failed.
func (once) NoRetry() bool { return true }

// eval is the call of a script, by its hash or its text.
func eval(ctx context.Context, name, script string, keys []string, args []any) once {
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, name, script, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	cmd := redis.NewCmd(ctx, append(words, args...)...)
	cmd.SetFirstKeyPos(3)
	return once{cmd}
}

func (s *Script) byHash(ctx context.Context, keys []string, args []any) once {
	return eval(ctx, "evalsha", s.script.Hash(), keys, args)
}

func (s *Script) byText(ctx context.Context, keys []string, args []any) once {
	return eval(ctx, "eval", s.text, keys, args)
}

// Run runs a script and has read read its answer. A caller that goes away is not
// waited for; read is not called if the store was lost, refused, or did not
// answer within patience. An error of read counts as one of the store.
func (t *Tier) Run(ctx context.Context, patience time.Duration, s *Script, keys []string, args []any, read func(Reply) error) error {
	return t.call(context.WithoutCancel(ctx), patience, func(ctx context.Context) error {
		t.commands.Add(1)
		reply := s.byHash(ctx, keys, args)
		err := t.client.Process(ctx, reply)
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			reply = s.byText(ctx, keys, args)
			err = t.client.Process(ctx, reply)
		}
		if err != nil {
			return err
		}
		return read(reply.Cmd)
	})
}

// RunIn is Run for keys of one partition.
func (t *Tier) RunIn(ctx context.Context, p uint8, patience time.Duration, s *Script, keys []string, args []any, read func(Reply) error) error {
	err := t.Run(ctx, patience, s, keys, args, read)
	t.note(p, err)
	return err
}

// Call is one of several calls of a script that are sent together.
type Call struct {
	Partition uint8 // of all its keys
	Keys      []string
	Args      []any
	Reply     Reply // nil if it was never sent
}

// RunAll sends calls of one script in one round trip to each server. An error of a single call is
// in its Reply only: RunAll fails if all did.
func (t *Tier) RunAll(patience time.Duration, s *Script, calls []*Call) error {
	began := time.Since(t.clock.born)
	for _, c := range calls {
		t.sent(c.Partition, began)
		defer t.sent(c.Partition, 0)
	}
	err := t.call(context.Background(), patience, func(ctx context.Context) error {
		var servers sync.WaitGroup
		var fault atomic.Pointer[error]
		for _, some := range t.callsByServer(calls) {
			servers.Go(func() {
				if err := t.send(ctx, s, some); err != nil {
					fault.Store(&err)
				}
			})
		}
		servers.Wait()
		some := fault.Load()
		if some == nil || slices.ContainsFunc(calls, func(c *Call) bool { return c.Reply.Err() == nil }) {
			return nil
		}
		return *some
	})
	for _, c := range calls {
		if c.Reply != nil {
			t.note(c.Partition, c.Reply.Err())
		}
	}
	return err
}

// callsByServer returns the calls for each server. They are not sent by one pipeline of the
// ClusterClient: when one server does not answer in time, that reports all calls as failed.
func (t *Tier) callsByServer(calls []*Call) map[string][]*Call {
	if !t.opts.Cluster {
		return map[string][]*Call{"": calls}
	}
	servers := map[string][]*Call{}
	for _, c := range calls {
		at := t.serverOf(c.Keys[0])
		servers[at] = append(servers[at], c)
	}
	return servers
}

// send sends calls in one round trip.
func (t *Tier) send(ctx context.Context, s *Script, calls []*Call) error {
	pipe := t.client.Pipeline()
	for _, c := range calls {
		cmd := s.byHash(ctx, c.Keys, c.Args)
		c.Reply = cmd.Cmd
		_ = pipe.Process(ctx, cmd)
	}
	t.commands.Add(int64(len(calls)))
	_, err := pipe.Exec(ctx)
	for _, c := range calls {
		if redis.HasErrorPrefix(c.Reply.Err(), "NOSCRIPT") {
			cmd := s.byText(ctx, c.Keys, c.Args)
			c.Reply = cmd.Cmd
			_ = pipe.Process(ctx, cmd)
			t.commands.Add(1)
		}
	}
	if pipe.Len() > 0 {
		_, err = pipe.Exec(ctx)
	}
	return err
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

// SetOnce sets a key of a partition for life unless it is set already, and reports whether it
// was not.
func (t *Tier) SetOnce(ctx context.Context, p uint8, key string, life time.Duration) (first bool, err error) {
	err = t.call(context.WithoutCancel(ctx), t.Patience(), func(ctx context.Context) error {
		t.commands.Add(1)
		err := t.client.SetArgs(ctx, key, 1, redis.SetArgs{Mode: "NX", TTL: WholeMillis(life)}).Err()
		first = err == nil
		if errors.Is(err, redis.Nil) { // another edge was asked before
			return nil
		}
		return err
	})
	t.note(p, err)
	return first, err
}

// WholeMillis rounds up to what the store can count: at least one millisecond.
func WholeMillis(d time.Duration) time.Duration {
	return max(time.Millisecond, (d + time.Millisecond - 1).Truncate(time.Millisecond))
}
