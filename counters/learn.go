package counters

import (
	"context"
	_ "embed"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed learn.lua
var learnLua string
var learn = redis.NewScript(learnLua)

// Facts come one by one as they are told (hear.go). Each change has the next
// version, so an edge that heard all of them knows it. The heartbeat says
// which version there is: who has missed some, or cannot know, reads all.

// unsure is the version of an edge that cannot know whether it knows all.
const unsure = -1

// keepUp reads all facts if this edge lacks some, or if the store does. What
// is younger than the last heartbeat may still be on its way.
func (r *Redis) keepUp(version int64) {
	mine, waiting := r.standing()
	onItsWay := r.before <= mine && mine < version && mine != unsure
	r.before = version
	switch {
	case version != mine && !onItsWay:
		if r.learn(); 0 < mine && mine < version {
			r.resubscribe() // something was told and not heard
		}
	case waiting:
		r.learn()
	}
}

// standing returns the version that this edge knows, and whether there is
// something that the store was not told of yet, or has forgotten: one without a
// version has no facts at all.
func (f *facts) standing() (version int64, waiting bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.known {
		if k.stamp == 0 || f.version == 0 {
			return f.version, true
		}
	}
	return f.version, false
}

// mistrust makes sure that all facts are read at the next heartbeat.
func (f *facts) mistrust() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = unsure
}

// shelf is what stands in the store.
type shelf struct {
	facts   []entry
	version int64
	floor   int64 // what is older and does not stand there was swept out, not forgotten
}

// learn reads all facts, and tells the store what it should know and does not.
// If that fails the next heartbeat tries again.
func (r *Redis) learn() {
	defer r.deliver()
	r.telling.Lock()
	defer r.telling.Unlock()
	var s shelf
	ctx, patience := context.Background(), settlePatience*r.opts.Deadline
	err := r.call(ctx, patience, func(ctx context.Context) error {
		r.commands.Add(1)
		reply, err := learn.Run(ctx, r.client, []string{factsKey}).Slice()
		if err == nil {
			s, err = parseShelf(reply)
		}
		return err
	})
	if err != nil {
		r.mistrust()
		return
	}
	for some := range slices.Chunk(r.compare(s, time.Now()), maxTold) {
		if err := r.tell(ctx, patience, time.Now(), some); err != nil && !errors.Is(err, ErrRefused) {
			r.mistrust()
			return
		}
	}
}

// parseShelf reads the answer of learn.lua. What cannot be read is left out.
func parseShelf(reply []any) (s shelf, err error) {
	if len(reply) != 2 {
		return s, errEntry
	}
	now, ok := reply[0].(int64)
	fields, list := reply[1].([]any)
	if !ok || !list {
		return s, errEntry
	}
	for pair := range slices.Chunk(fields, 2) {
		name, _ := pair[0].(string)
		text, _ := pair[len(pair)-1].(string)
		switch name {
		case " version":
			s.version, err = strconv.ParseInt(text, 10, 64)
		case " floor":
			s.floor, err = strconv.ParseInt(text, 10, 64)
		default:
			if e, unread := parseField(name, text, now); unread == nil {
				s.facts = append(s.facts, e)
			}
		}
		if err != nil {
			return s, errEntry
		}
	}
	return s, nil
}

// compare takes in what stands in the store, and returns what it must be told:
// what was told here while it was lost, and what it has forgotten.
func (f *facts) compare(s shelf, now time.Time) (tell []told) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps := make(map[string]int64, len(s.facts))
	for i := range s.facts {
		f.take(&s.facts[i], now)
		stamps[s.facts[i].name] = s.facts[i].stamp
	}
	for name, k := range f.known {
		stands, there := stamps[name]
		switch {
		case there && 0 < k.stamp && k.stamp <= stands:
		case !there && 0 < k.stamp && k.stamp <= s.floor: // taken back or over, and swept out since
			f.drop(name)
		default:
			tell = append(tell, told{name, k})
		}
	}
	f.version = s.version
	return tell
}

// take takes in what the store says of one fact: the newest stands. The caller
// holds the lock.
func (f *facts) take(e *entry, now time.Time) {
	k, ok := f.known[e.name]
	switch {
	case ok && k.stamp == 0: // which of the two is newer, the store will say
		if k.heard == nil || k.heard.stamp < e.stamp {
			k.heard = e
			f.known[e.name] = k
		}
	case ok && e.stamp <= k.stamp:
	case e.left < 0:
		f.drop(e.name)
	default:
		f.put(e.name, e.known(now))
	}
}
