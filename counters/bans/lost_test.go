package bans

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// lostAll waits until every edge has given the store up.
func lostAll(t testing.TB, stores []*edge) {
	t.Helper()
	for _, r := range stores {
		sample.Within(t, 5*time.Second, "the store is lost", func() bool { return !r.Status().Shared })
	}
}

// TestBansOfALoss: bans outlive a store that dies and comes back empty, and what
// was said meanwhile arrives.
func TestBansOfALoss(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 2, opts)
	caughtUp(t, stores)
	banIt(t, stores[0], "a", ban.ByLimit, time.Hour)
	banIt(t, stores[0], "b", ban.ByLimit, time.Hour)
	banIt(t, stores[0], "c@rosen", ban.ByWAF, 12*time.Second)
	list(t, stores, 5*time.Second, "a=limit b=limit c@rosen=waf")
	stores[0].Protect(sample.Key("net of c"), time.Now())
	server.Kill()
	lostAll(t, stores)
	banIt(t, stores[1], "a", ban.Manual, time.Hour)
	stores[0].Unban(sample.Key("b"), sample.Key("client"))
	list(t, stores[:1], 0, "a=limit c@rosen=waf")
	list(t, stores[1:], 0, "a=manual b=limit c@rosen=waf")
	if got := stores[1].Status().Pending; got != 1 {
		t.Errorf("%d are not told yet, want 1", got)
	}
	list(t, stores[:1], 15*time.Second, "a=limit") // bans end without a store
	server.RestartEmpty()
	list(t, stores, 10*time.Second, "a=manual")
	sample.Within(t, 5*time.Second, "all is told", func() bool { return stores[0].Status().Pending+stores[1].Status().Pending == 0 })
	for i := range 2 {
		if i == 1 {
			server.RestartEmpty() // so soon that no edge needs to notice
		}
		sample.Within(t, 10*time.Second, "the store is told again", func() bool {
			return strings.Contains(server.Do("HGET", mapKey, field("a")), " manual ") &&
				strings.Contains(server.Do("HGET", mapKey, field("b")), " M ") &&
				server.Do("ZSCORE", protectedKey, keyText(new(sample.Key("net of c")))) != ""
		})
	}
	late := unstarted(t, opts)
	late.Start()
	list(t, append(stores, late), 10*time.Second, "a=manual")
	stranger := edges(t, 1, tier.Options{Addresses: []string{need.Redis(t).Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stranger)
	list(t, stranger, 0, "") // control: another store
}

// TestGuardOfALoss: a ban that an edge made alone is given up if the store then
// says that customers came from there.
func TestGuardOfALoss(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stores)
	stores[0].Protect(sample.Key("net of a"), time.Now())
	sample.Within(t, 5*time.Second, "the store knows", func() bool {
		return server.Do("ZSCORE", protectedKey, keyText(new(sample.Key("net of a")))) != ""
	})
	server.Kill()
	lostAll(t, stores)
	var ear banEar
	defer stores[1].ListenBans(ear.hear)()
	banIt(t, stores[1], "a", ban.ByLimit, time.Hour)
	banIt(t, stores[1], "b", ban.ByLimit, time.Hour) // control: no customers came
	list(t, stores[1:], 0, "a=limit b=limit")
	server.Restart()
	list(t, stores, 10*time.Second, "b=limit")
	// On a busy machine the store's answer, whose end is a moment later, is news also.
	if got := ear.all(); strings.ReplaceAll(got+" ", "+b=limit ", "") != "+a=limit -a=limit " || !strings.Contains(got, "+b=limit") {
		t.Errorf("heard %q", got)
	}
}

// TestRestartedStore: a store that comes back with its data changes nothing.
func TestRestartedStore(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stores)
	banIt(t, stores[0], "a", ban.ByLimit, time.Hour)
	list(t, stores, 5*time.Second, "a=limit")
	var ear banEar
	defer stores[1].ListenBans(ear.hear)()
	before := server.Do("HGET", mapKey, " version")
	server.Restart()
	banIt(t, stores[0], "b", ban.ByLimit, time.Hour) // perhaps before it is noticed
	list(t, stores, 10*time.Second, "a=limit b=limit")
	caughtUp(t, stores)
	if got := ear.all(); got != "+a=limit +b=limit" {
		t.Errorf("heard %q, want each ban once", got)
	}
	if got := server.Do("HGET", mapKey, " version"); len(got) != len(before) || got <= before {
		t.Errorf("the version was %s and is %s", before, got)
	}
}

// TestFrozenStoreBans: no caller waits for a store that does not answer. The ban
// holds here within a moment, and everywhere when the store goes on.
func TestFrozenStoreBans(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: time.Second})
	caughtUp(t, stores)
	server.Stop()
	began := time.Now()
	banIt(t, stores[0], "a", ban.ByLimit, time.Hour)
	stores[0].Unban(sample.Key("b"), sample.Key("client"))
	stores[0].Protect(sample.Key("net of c"), time.Now())
	if took := time.Since(began); took > time.Second {
		t.Errorf("the callers waited %s", took)
	}
	list(t, stores[:1], 3*5*time.Second, "a=limit")
	t.Logf("the ban held here after %s", time.Since(began))
	sample.Within(t, 20*time.Second, "the store is lost", func() bool { return !stores[0].Status().Shared && !stores[1].Status().Shared })
	list(t, stores[1:], 0, "")
	server.Cont()
	list(t, stores, 20*time.Second, "a=limit")
	sample.Within(t, 5*time.Second, "all is told", func() bool { return stores[0].Status().Pending == 0 })
}

// TestLiftedWhileAway: an edge that was away does not bring back what was
// lifted, not even to a store that has forgotten all.
func TestLiftedWhileAway(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 1, opts)
	caughtUp(t, stores)
	banIt(t, stores[0], "a", ban.ByLimit, time.Hour)
	banIt(t, stores[0], "b", ban.ByLimit, time.Hour)
	list(t, stores, 5*time.Second, "a=limit b=limit")
	way := newProxy(t, server.Addr)
	away := unstarted(t, tier.Options{Addresses: []string{way.addr}, Deadline: 5 * time.Second})
	away.Start()
	list(t, []*edge{away}, 5*time.Second, "a=limit b=limit")
	way.shut()
	lostAll(t, []*edge{away})
	time.Sleep(5 * time.Millisecond)
	stores[0].Unban(sample.Key("a"), netkey.Key{})
	list(t, stores, time.Second, "b=limit")
	server.RestartEmpty()
	sample.Within(t, 10*time.Second, "the store is told again", func() bool {
		return server.Do("HEXISTS", mapKey, field("a")) == "1" && server.Do("HEXISTS", mapKey, field("b")) == "1"
	})
	list(t, []*edge{away}, 0, "a=limit b=limit")
	way.open()
	list(t, append(stores, away), 10*time.Second, "b=limit")
	time.Sleep(1500 * time.Millisecond)
	list(t, append(stores, away), 0, "b=limit")
}

// TestUnheardBans: what was not heard comes with a heartbeat, or with the next
// that is heard; a quiet store is left in peace.
func TestUnheardBans(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stores)
	quietly := func(name string) {
		t.Helper()
		step := scriptStep{name: name, cause: ban.Manual.String(), life: 3600}
		setRaw(t, stores[0].tier, "theriac:elsewhere", maxBans, step.args()...)
	}
	quietly("a")
	list(t, stores, 3*time.Second, "a=manual")
	caughtUp(t, stores)
	began := time.Now()
	quietly("b")
	banIt(t, stores[0], "c", ban.ByLimit, time.Hour)
	list(t, stores, 3*time.Second, "a=manual b=manual c=limit")
	t.Logf("what was not heard came after %s", time.Since(began))
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	stores[1].Unban(sample.Key("a"), netkey.Key{})
	list(t, stores, 5*time.Second, "b=manual c=limit")
	caughtUp(t, stores)
	time.Sleep(1500 * time.Millisecond)
	before := total(stores)
	time.Sleep(3 * time.Second)
	if sent := total(stores) - before; sent > 8 {
		t.Errorf("%d commands in three quiet seconds, want the two edges' heartbeats", sent)
	}
}

// TestStoreThatWentBack: a store that lost its last seconds, as after a failover,
// is told them again, though its versions were used before.
func TestStoreThatWentBack(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stores)
	banIt(t, stores[0], "a", ban.ByLimit, time.Minute)
	list(t, stores, 5*time.Second, "a=limit")
	caughtUp(t, stores)
	version, entry := server.Do("HGET", mapKey, " version"), server.Do("HGET", mapKey, field("a"))
	banIt(t, stores[0], "a", ban.ByWAF, time.Hour)
	banIt(t, stores[0], "b", ban.ByLimit, time.Hour)
	list(t, stores, 5*time.Second, "a=waf b=limit")
	a, b := field("a"), field("b")
	server.Do("EVAL", `redis.call('HSET', KEYS[1], ' version', ARGV[1], ARGV[2], ARGV[3]) redis.call('HDEL', KEYS[1], ARGV[4])
		redis.call('ZADD', KEYS[3], ARGV[1], ARGV[2]) redis.call('ZREM', KEYS[2], ARGV[4]) redis.call('ZREM', KEYS[3], ARGV[4])`,
		"3", mapKey, endsKey, changesKey, version, a, entry, b)
	sample.Within(t, 10*time.Second, "the store is told again", func() bool {
		return strings.Contains(server.Do("HGET", mapKey, a), " waf ") && strings.Contains(server.Do("HGET", mapKey, b), " limit ")
	})
	caughtUp(t, stores)
	list(t, stores, 0, "a=waf b=limit")
}

// TestBansFullStore: the store and its edges make room for the same, and refuse
// the same.
func TestBansFullStore(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 1, opts)
	caughtUp(t, stores)
	keys := sample.Keys(maxBans + 2)
	for i, key := range keys[:maxBans] {
		sample.Within(t, 30*time.Second, "there is room in the queue", func() bool {
			return stores[0].Ban(requestFor(key, ban.ByLimit, time.Hour+time.Duration(i)*time.Second)) == nil
		})
	}
	sample.Within(t, 30*time.Second, "all are told", func() bool { return server.Do("ZCARD", endsKey) == "65536" })
	t.Logf("with them the store needs %s", server.Info("used_memory_human"))
	for _, key := range keys[maxBans:] {
		if err := stores[0].Ban(requestFor(key, ban.ByLimit, 10*time.Hour*24)); err != nil {
			t.Error(err)
		}
	}
	late := unstarted(t, opts)
	began := time.Now()
	late.Start()
	stores = append(stores, late)
	for _, r := range stores {
		sample.Within(t, 20*time.Second, "the edges have the youngest", func() bool {
			_, a := r.Banned(keys[maxBans], "", time.Now())
			_, b := r.Banned(keys[maxBans+1], "", time.Now())
			return a && b && r.Status().Bans == maxBans
		})
		for i, want := range []bool{false, false, true} {
			if _, got := r.Banned(keys[i], "", time.Now()); got != want {
				t.Errorf("ban %d holds is %t, want %t", i, got, want)
			}
		}
	}
	t.Logf("a late edge had %d bans after %s", maxBans, time.Since(began))
}

// agree waits until all edges have one list, and have it still when nothing more
// is on its way.
func agree(t *testing.T, stores []*edge) (list string) {
	t.Helper()
	defer func() {
		for i, r := range stores {
			if t.Failed() {
				t.Logf("edge %d has %s", i+1, listOf(r))
			}
		}
	}()
	sample.Within(t, 20*time.Second, "all edges have one list", func() bool {
		caughtUp(t, stores)
		list = listOf(stores[0])
		return !slices.ContainsFunc(stores, func(r *edge) bool { return listOf(r) != list })
	})
	return list
}

// TestBansConverge: whatever edges say at the same time, and however badly they
// hear, all come to have one list, and an edge that starts then has it, too.
func TestBansConverge(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 3, opts)
	caughtUp(t, stores)
	keys := sample.Keys(30)
	for round := range 3 {
		var wg sync.WaitGroup
		for i, r := range stores {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				for range 600 {
					key := keys[random.IntN(len(keys))]
					switch random.IntN(4) {
					case 0:
						r.Unban(key, netkey.Key{})
					case 1:
						_ = r.Ban(requestFor(key, ban.Manual, time.Hour))
					default:
						q := requestFor(key, ban.ByLimit, time.Hour+time.Duration(random.IntN(100))*time.Minute)
						q.Shop = []shop.ID{"", "rosen", "linden"}[random.IntN(3)]
						_ = r.Ban(q)
					}
					time.Sleep(time.Duration(random.IntN(4)) * time.Millisecond)
				}
			})
		}
		for range 3 {
			time.Sleep(200 * time.Millisecond)
			server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		}
		if round == 1 {
			server.RestartEmpty()
		}
		wg.Wait()
		caughtUp(t, stores)
		late := unstarted(t, opts)
		late.Start()
		agreed := agree(t, append(stores, late))
		if n := len(strings.Fields(agreed)); n < 10 {
			t.Errorf("%d bans are left: this proves little", n)
		}
		for _, r := range stores { // and each of them until the same time
			for _, b := range r.Bans() {
				other, ok := late.Banned(b.Key, b.Shop, time.Now())
				if off := other.Until.Sub(b.Until).Abs(); other.Shop == b.Shop && (!ok || off > time.Second) {
					t.Errorf("%s ends %s apart", nameOf(b.Key, b.Shop), off)
				}
			}
		}
	}
}
