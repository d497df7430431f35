package files

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

//go:embed lock.lua
var lockLua string

//go:embed unlock.lua
var unlockLua string

var (
	take = tier.NewTimed(beginLua + lockLua)
	give = tier.NewTimed(beginLua + unlockLua)
)

// A lock is free Lease after its holder has renewed it last.
const (
	Lease      = 30 * time.Second
	renewEvery = Lease / 3

	askFirst = 100 * time.Millisecond // when another has the lock
	askLast  = 2 * time.Second
)

// errHeld is why there is no lock yet.
var errHeld = errors.New("another holder has the lock")

// lease is a lock that this edge has taken, and has not given up.
type lease struct {
	holder string
	over   atomic.Bool // it could not be renewed in time
	quit   context.CancelFunc
}

// Lock waits until this edge has the lock. It does not wait for a store that is lost.
func (f *Files) Lock(ctx context.Context, name string) error {
	for wait := askFirst; ; wait = min(2*wait, askLast) {
		ok, err := f.TryLock(ctx, name)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("files: waiting for the lock %.200q: %w", name, ctx.Err())
		case <-time.After(wait/2 + jitter(wait)):
		}
	}
}

// jitter is a random part of d, so that edges that wait for many locks do not ask all at once.
func jitter(d time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(d)))
	if err != nil {
		return d
	}
	return time.Duration(n.Int64())
}

// TryLock takes the lock if nobody has it, this edge included.
func (f *Files) TryLock(ctx context.Context, name string) (bool, error) {
	err := checkPath(name)
	one := &lease{holder: rand.Text()}
	asked := time.Now()
	if err == nil {
		err = f.ask(ctx, name, one, "take")
	}
	switch {
	case errors.Is(err, errHeld):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("files: taking the lock %.200q: %w", name, err)
	}
	loop, quit := context.WithCancel(context.WithoutCancel(ctx))
	one.quit = quit
	f.mu.Lock()
	f.held[name] = one
	f.mu.Unlock()
	go f.renew(loop, name, one, asked)
	return true, nil
}

func (f *Files) ask(ctx context.Context, name string, one *lease, mode string) error {
	_, err := f.run(ctx, take, f.known(), name, one.holder, Lease.Milliseconds(), Max, mode)
	return err
}

// renew is the loop that keeps a lock, until it is given up, or lost.
func (f *Files) renew(ctx context.Context, name string, one *lease, asked time.Time) {
	ticks := time.NewTicker(renewEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		now := time.Now()
		err := f.ask(ctx, name, one, "renew")
		if err == nil {
			asked = now
		}
		if errors.Is(err, errHeld) || errors.Is(err, ErrAnother) || time.Since(asked) > Lease {
			one.over.Store(true)
			return
		}
	}
}

// Unlock gives up a lock that this edge has taken. If the store cannot be asked, the lock is free
// when its lease is over.
func (f *Files) Unlock(ctx context.Context, name string) error {
	f.mu.Lock()
	one := f.held[name]
	delete(f.held, name)
	f.mu.Unlock()
	if one == nil {
		return fmt.Errorf("files: giving up the lock %.200q: this edge does not have it", name)
	}
	one.quit()
	if _, err := f.run(ctx, give, f.known(), name, one.holder); err != nil {
		return fmt.Errorf("files: giving up the lock %.200q: %w", name, err)
	}
	return nil
}

// Renew renews the lease of a lock at once.
func (f *Files) Renew(ctx context.Context, name string) error {
	f.mu.Lock()
	one := f.held[name]
	f.mu.Unlock()
	err := ErrFenced
	if one != nil {
		if err = f.ask(ctx, name, one, "renew"); errors.Is(err, errHeld) {
			err = ErrFenced
		}
	}
	if err != nil {
		return fmt.Errorf("files: renewing the lock %.200q: %w", name, err)
	}
	return nil
}

// Close stops renewing all locks: they are free when their leases are over.
func (f *Files) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.held {
		one.quit()
	}
}

// fence is by whom a write is, that is protected by a lock. A lock that this edge has not taken
// protects nothing: not all that write take one.
func (f *Files) fence(lock string) (holder string, fenced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.held[lock]
	if one == nil {
		return "", false
	}
	return one.holder, one.over.Load()
}
