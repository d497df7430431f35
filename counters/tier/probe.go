package tier

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// wellFor is how long all partitions must have been well before operators are told that they are.
const wellFor = 5 * time.Second

// wakeProbe has partitions probed until all is well.
func (t *Tier) wakeProbe() {
	select {
	case t.unwell <- struct{}{}:
	default:
	}
}

// watch is the loop of probes of a Cluster. Requests do not find out whether a server is back:
// each would have to wait for it.
func (t *Tier) watch(ctx context.Context) {
	next := time.NewTicker(probeEvery)
	defer next.Stop()
	var told incident
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.unwell:
		}
		for again := true; again; {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
			t.probe(ctx)
			again = t.tell(&told, time.Now()) || t.cutOff() != 0 || t.missed.Load() > 0
		}
	}
}

// probe asks for each partition whether its keys can be written: all of them, so that it is known
// at once what a server has that died. Each server is asked apart from the others.
func (t *Tier) probe(ctx context.Context) {
	var servers sync.WaitGroup
	var mu sync.Mutex
	var recovered Set
	for _, parts := range t.byServer() {
		servers.Go(func() {
			well := t.probeServer(ctx, parts)
			mu.Lock()
			defer mu.Unlock()
			recovered |= well
		})
	}
	servers.Wait()
	t.recovered(recovered)
}

// Servers returns the address of the server that has each partition, as far as that is known.
func (t *Tier) Servers() (servers [Partitions]string) {
	if !t.opts.Cluster {
		return servers
	}
	for p := range servers {
		if servers[p] = t.serverOf(PartitionKey("probe", uint8(p), "")); servers[p] == "" {
			break // each would wait as long
		}
	}
	return servers
}

// byServer returns the partitions that each server has, by its address.
func (t *Tier) byServer() map[string][]uint8 {
	servers := map[string][]uint8{}
	for p, at := range t.Servers() {
		servers[at] = append(servers[at], uint8(p))
	}
	return servers
}

// serverOf returns the address of the server of a Cluster that has a key; "" if that is not known.
func (t *Tier) serverOf(key string) string {
	ctx, cancel := context.WithTimeout(context.Background(), heartbeatWait)
	defer cancel()
	if server, err := t.client.(*redis.ClusterClient).MasterForKey(ctx, key); err == nil {
		return server.Options().Addr
	}
	return ""
}

// probeServer writes a key of each of these partitions, and returns those that were cut off and
// have recovered.
func (t *Tier) probeServer(ctx context.Context, parts []uint8) (recovered Set) {
	answers := make([]*redis.StatusCmd, len(parts))
	err := t.call(ctx, heartbeatWait, func(ctx context.Context) error {
		pipe := t.client.Pipeline()
		for i, p := range parts {
			answers[i] = pipe.Set(ctx, PartitionKey("probe", p, ""), 1, time.Second)
		}
		t.commands.Add(int64(len(parts)))
		_, err := pipe.Exec(ctx)
		if slices.ContainsFunc(answers, func(a *redis.StatusCmd) bool { return a.Err() == nil }) {
			return nil
		}
		return err
	})
	if neverSent(err) || ctx.Err() != nil {
		return 0
	}
	for i, p := range parts {
		if err := answers[i].Err(); err != nil {
			t.partition(p).fault.Store(&err)
			t.partition(p).failures.Store(cutOffAfter)
		} else {
			recovered |= t.revive(p)
		}
	}
	return recovered
}

// incident is what operators were told of a part of a Cluster that does not answer.
type incident struct {
	before Set       // partitions that were cut off at the last probe
	lost   Set       // those that operators were told of
	last   time.Time // when some were cut off
}

// tell makes known that a part of the Cluster does not answer, and, once, that all does again. It
// reports whether there is more to tell.
func (t *Tier) tell(told *incident, now time.Time) (more bool) {
	is := t.cutOff()
	isLost := t.Lost() || is == everything // or soon will be: that is told apart
	lost := is & told.before               // by two probes: while others take over, all refuse for a moment
	told.before = is
	if isLost || lost == 0 {
		t.part.Store(nil)
		t.wakeReport()
		if isLost {
			told.last = now
		}
		if told.lost == 0 || now.Sub(told.last) < wellFor {
			return told.lost != 0
		}
		*told = incident{}
		t.tellPart(false, "all of the Cluster answers again: the limits of all keys are shared")
		return false
	}
	note := t.describe(lost)
	t.part.Store(&part{lost, note})
	t.wakeReport()
	isNew := lost&^told.lost != 0
	told.lost, told.last = told.lost|lost, now
	if isNew {
		t.tellPart(true, note)
	}
	return true
}

func (t *Tier) tellPart(lost bool, note string) {
	if t.opts.OnPart != nil {
		t.opts.OnPart(lost, note)
	}
}

// part is what is lost of a Cluster.
type part struct {
	lost Set
	note string
}

// describe says which servers do not answer, why, what follows, and what to try.
func (t *Tier) describe(lost Set) string {
	var servers []string
	heartbeats := ""
	for at, parts := range t.byServer() {
		i := slices.IndexFunc(parts, lost.Has)
		if i < 0 {
			continue
		}
		why, _ := t.opts.cause(*t.partition(parts[i]).fault.Load(), heartbeatWait)
		servers = append(servers, fmt.Sprintf("%s (%s)", at, why))
		if at == t.serverOf(nodesKey) {
			heartbeats = "; bans, levels and the number of edges are there too, and stay as they are known here"
		}
	}
	slices.Sort(servers)
	return fmt.Sprintf("part of the Cluster does not answer: %s; %d of %d partitions of its keys fall to 1/%d of their limits at this edge%s; "+
		"try: start that server, or let a replica take over: CLUSTER NODES says what the others know of it",
		strings.Join(servers, ", "), bits.OnesCount64(uint64(lost)), Partitions, t.Edges(), heartbeats)
}
