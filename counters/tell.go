package counters

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed tell.lua
var tellLua string
var tell = redis.NewScript(tellLua)

const (
	// The braces have a Cluster keep the facts where the beats are, as the
	// heartbeat reads both.
	factsKey     = "theriac:facts:{" + beatsKey + "}"
	factsChannel = "theriac:facts"

	maxTold = 256 // facts that are told by one command
)

// Tell notes the fact. One process is every edge.
func (m *Memory) Tell(_ context.Context, name, value string, life time.Duration) error {
	now := time.Now()
	_, err := m.note(name, value, life, now, now.UnixMilli())
	m.deliver()
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	return nil
}

// Tell notes the fact here and then in the store, which passes it on. It is
// told even if who asked for it has hung up.
func (r *Redis) Tell(ctx context.Context, name, value string, life time.Duration) error {
	defer r.deliver()
	r.telling.Lock()
	defer r.telling.Unlock()
	now := time.Now()
	k, err := r.note(name, value, life, now, 0)
	if err == nil {
		err = r.tell(ctx, r.opts.Deadline, now, []told{{name, k}})
	}
	if err != nil {
		return fmt.Errorf("counters: telling %q: %w", name, err)
	}
	return nil
}

// told is a fact on its way to the store.
type told struct {
	name string
	known
}

var errLost = errors.New("the store is lost, so it is told later")

// tell tells the store, and takes in what then stands there. The caller holds
// telling.
func (r *Redis) tell(ctx context.Context, deadline time.Duration, now time.Time, facts []told) error {
	if r.lost.Load() {
		return errLost
	}
	args := []any{factsChannel, maxFacts}
	for _, t := range facts {
		age, life := now.Sub(t.Told).Milliseconds(), int64(0)
		if !t.Until.IsZero() {
			life = wholeMillis(t.Until.Sub(now)).Milliseconds()
		}
		args = append(args, t.name, t.Value, t.stamp, max(0, age), life)
	}
	var answers []string
	err := r.call(context.WithoutCancel(ctx), deadline, func(ctx context.Context) (err error) {
		r.commands.Add(1)
		answers, err = tell.Run(ctx, r.client, []string{factsKey}, args...).StringSlice()
		if err == nil && len(answers) != len(facts) {
			err = fmt.Errorf("telling %d facts: %d answers", len(facts), len(answers))
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, t := range facts {
		err = errors.Join(err, r.answered(t, answers[i], time.Now()))
	}
	return err
}

// answered takes in what stands in the store after it was told t.
func (f *facts) answered(t told, answer string, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.known[t.name]
	if answer == "" { // no edge is to know what the store has no room for
		f.drop(t.name)
		return fmt.Errorf("there are %d facts already: %w", maxFacts, ErrRefused)
	}
	e, err := parseNews(answer)
	switch {
	case err != nil:
		return err
	case !ok || k.stamp != t.stamp: // it has changed meanwhile
		f.take(&e, now)
	case e.version != 0: // it stands
		f.known[t.name] = known{Fact: k.Fact, stamp: e.stamp}
	default:
		f.put(t.name, e.known(now))
	}
	if k.heard != nil {
		f.take(k.heard, now)
	}
	return nil
}
