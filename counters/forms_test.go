package counters

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/test/need"
)

// TestForms counts with every form of store that an operator may have.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts func(t *testing.T) RedisOptions
	}{
		{"a password", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "requirepass s3cret")
			return RedisOptions{Addresses: []string{s.Addr}, Password: "s3cret"}
		}},
		{"an ACL user that may do what the README says", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "user edge on >s3cret resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous")
			return RedisOptions{Addresses: []string{s.Addr}, Username: "edge", Password: "s3cret"}
		}},
		{"an ACL user that may do the least", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "user edge on >s3cret resetchannels ~theriac:* &theriac:* -@all +auth +hello +select +client +ping +eval +evalsha +time +get +set +zadd +zremrangebyscore +zrange +zrem +pexpire +hget +hset +hsetnx +hincrby +hgetall +hdel +hlen +del +pttl +zcard +zscore +zrangebyscore +zremrangebyrank +publish +subscribe +unsubscribe")
			return RedisOptions{Addresses: []string{s.Addr}, Username: "edge", Password: "s3cret"}
		}},
		{"TLS and another database", func(t *testing.T) RedisOptions {
			s := need.RedisTLS(t)
			return RedisOptions{Addresses: []string{s.Addr}, TLS: s.TLS, DB: 3}
		}},
		{"a Cluster", func(t *testing.T) RedisOptions {
			s := need.RedisCluster(t)
			return RedisOptions{Addresses: []string{s[0].Addr, s[1].Addr, s[2].Addr}}
		}},
		{"a Cluster with one door", func(t *testing.T) RedisOptions {
			s := need.RedisCluster(t)
			return RedisOptions{Addresses: []string{s[1].Addr}, Cluster: true}
		}},
		{"Sentinel", func(t *testing.T) RedisOptions {
			s := need.RedisSentinel(t, 1, "requirepass s3cret")
			return RedisOptions{Addresses: []string{s.Addr}, Master: s.Name, Password: "s3cret"}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			opts := test.opts(t)
			opts.Deadline = 500 * time.Millisecond
			stores := edges(t, 2, opts)
			lim := &Limit{Interval: time.Minute, Burst: 10}
			keys := many(100)
			for _, key := range keys {
				for range 10 {
					if !stores[0].Take(key, lim, time.Now()).Allowed() {
						t.Error("a token of the burst was refused")
					}
				}
			}
			within(t, 10*time.Second, "all is settled", func() bool {
				stores[0].Take(keys[0], lim, time.Now())
				for _, key := range keys {
					stores[0].Take(key, lim, time.Now())
				}
				return lim.Settled.Load() == 1000
			})
			for _, key := range keys {
				if d := stores[1].TakeExact(t.Context(), key, lim, time.Now()); d.Allowed() {
					t.Error("the other edge does not know that the bucket is empty")
				}
			}
			for _, key := range keys {
				if first, shared := stores[0].Once(t.Context(), key, time.Minute); !first || !shared {
					t.Errorf("the first use: first is %t, shared is %t", first, shared)
				}
				if first, shared := stores[1].Once(t.Context(), key, time.Minute); first || !shared {
					t.Errorf("the second use, at the other edge: first is %t, shared is %t", first, shared)
				}
			}
			subscribedAll(t, stores)
			began := time.Now()
			tellIt(t, stores[0], "level:rosen", "2", time.Hour)
			know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2"})
			t.Logf("the other edge knew after %s", time.Since(began))
			stores = append(stores, unstarted(t, opts))
			stores[2].Start()
			know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2"})
			tellIt(t, stores[1], "level:rosen", "", 0)
			know(t, stores, 5*time.Second, map[string]string{})
			began = time.Now()
			stores[0].Vouch(keyOf("net of a"), time.Now())
			banIt(t, stores[0], "b@rosen", ban.ByLimit, time.Hour)
			list(t, stores, 5*time.Second, "b@rosen=limit")
			t.Logf("the other edges had the ban after %s", time.Since(began))
			within(t, 5*time.Second, "the store knows of customers", func() bool {
				return stores[0].client.ZScore(t.Context(), vouchedKey, keyText(new(keyOf("net of a")))).Err() == nil
			})
			banIt(t, stores[1], "a", ban.ByLimit, time.Hour)
			within(t, 5*time.Second, "there is no ban", func() bool { return stores[1].Status().Refused.Vouched > 0 })
			stores[1].Unban(keyOf("b"), keyOf("client"))
			list(t, stores, 5*time.Second, "")
			stores[0].Forget(keys[0])
			within(t, 5*time.Second, "the store forgets a bucket", func() bool {
				return errors.Is(stores[0].client.Get(t.Context(), name(&keys[0])).Err(), redis.Nil)
			})
			for _, r := range stores {
				if st := r.Status(); !st.Shared || st.Reason != "" {
					t.Errorf("the store is not shared, or facts are late: %s", st.Reason)
				}
			}
		})
	}
}

// TestNoChannel: an ACL of before there were facts costs speed, and the status
// says what is missing.
func TestNoChannel(t *testing.T) {
	t.Parallel()
	s := need.Redis(t, "user edge on >s3cret resetchannels ~theriac:* +@all -@admin -@dangerous")
	stores := edges(t, 2, RedisOptions{Addresses: []string{s.Addr}, Username: "edge", Password: "s3cret", Deadline: time.Second})
	within(t, 5*time.Second, "the status says what is missing", func() bool {
		st := stores[0].Status()
		return st.Shared && strings.Contains(st.Reason, "NOPERM") && strings.Contains(st.Reason, "&theriac:*")
	})
	tellIt(t, stores[0], "level:rosen", "2", 0)
	know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2"})
	s.Do("ACL", "SETUSER", "edge", "&theriac:*")
	within(t, 2*refusedAgain, "the edges hear again", func() bool { return stores[0].Status().Reason == "" })
}

// TestFailover: Sentinel makes a replica the master, and the edge finds it.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := need.RedisSentinel(t, 1)
	store := edges(t, 1, RedisOptions{Addresses: []string{s.Addr}, Master: s.Name, Deadline: 100 * time.Millisecond})[0]
	s.Master.Kill()
	within(t, 20*time.Second, "there is another master", func() bool { return s.MasterAddr() != s.Master.Addr })
	lim := &Limit{Interval: time.Minute, Burst: 1}
	within(t, 20*time.Second, "a token is settled with it", func() bool {
		store.Take(keyOf("a visitor"), lim, time.Now())
		return lim.Settled.Load() == 1
	})
	within(t, 10*time.Second, "a fact is told to it", func() bool {
		return store.Tell(t.Context(), "level:rosen", "2", 0) == nil
	})
	within(t, 10*time.Second, "a ban is made by it", func() bool {
		banIt(t, store, "a", ban.ByLimit, time.Hour)
		st := store.Status()
		return st.Bans == 1 && st.Pending == 0
	})
	within(t, 10*time.Second, "it is heard from it", func() bool {
		before, _ := store.standing()
		tellIt(t, store, "level:rosen", "3", 0)
		time.Sleep(50 * time.Millisecond)
		after, _ := store.standing()
		return before > 0 && after == before+1
	})
}

// TestRefusals: what the operator reads says what to try, and no secret.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts func(t *testing.T) RedisOptions
		want []string
	}{
		{"nobody listens", func(t *testing.T) RedisOptions {
			return RedisOptions{Addresses: []string{need.Addr(t)}}
		}, []string{"nothing listens there", "start the store"}},
		{"a wrong password", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "requirepass s3cret")
			return RedisOptions{Addresses: []string{s.Addr}, Password: "hunter2"}
		}, []string{"WRONGPASS", "check the user name and the password"}},
		{"no password", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "requirepass s3cret")
			return RedisOptions{Addresses: []string{s.Addr}}
		}, []string{"NOAUTH", "asks for a password"}},
		{"a user that may too little", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "user edge on >hunter2 ~* +@all -zadd")
			return RedisOptions{Addresses: []string{s.Addr}, Username: "edge", Password: "hunter2"}
		}, []string{"can't run", "in the store's ACL"}},
		{"a full store", func(t *testing.T) RedisOptions {
			s := need.Redis(t, "maxmemory 1kb", "maxmemory-policy noeviction")
			return RedisOptions{Addresses: []string{s.Addr}}
		}, []string{"OOM", "raise maxmemory"}},
		{"a replica", func(t *testing.T) RedisOptions {
			s := need.RedisSentinel(t, 1)
			return RedisOptions{Addresses: []string{s.Replicas[0].Addr}}
		}, []string{"READONLY", "the address of the master"}},
		{"one server of a Cluster", func(t *testing.T) RedisOptions {
			s := need.RedisCluster(t)
			for _, server := range s {
				if strings.HasPrefix(server.Do("CLUSTER", "KEYSLOT", beatsKey), "1") {
					continue
				}
				return RedisOptions{Addresses: []string{server.Addr}}
			}
			return RedisOptions{Addresses: []string{s[0].Addr}}
		}, []string{"MOVED", "give all its addresses"}},
		{"a certificate of somebody else", func(t *testing.T) RedisOptions {
			s, other := need.RedisTLS(t), need.RedisTLS(t)
			return RedisOptions{Addresses: []string{s.Addr}, TLS: other.TLS}
		}, []string{"TLS", "the authority that signed"}},
		{"a frozen store", func(t *testing.T) RedisOptions {
			s := need.Redis(t)
			s.Stop()
			return RedisOptions{Addresses: []string{s.Addr}}
		}, []string{"no answer within 200ms", "frozen"}},
		{"a host that is not known", func(*testing.T) RedisOptions {
			return RedisOptions{Addresses: []string{"redis.invalid:6379"}}
		}, []string{"redis.invalid", "address of the store"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			opts := test.opts(t)
			opts.Deadline = 200 * time.Millisecond
			news := make(chan string, 10)
			opts.OnChange = func(shared bool, reason string) {
				if shared {
					reason = "it is shared"
				}
				news <- reason
			}
			unstarted(t, opts).Start()
			select {
			case got := <-news:
				t.Log(got)
				for _, want := range append(test.want, opts.Addresses[0]) {
					if !strings.Contains(got, want) {
						t.Errorf("got %q, want %q in it", got, want)
					}
				}
				for _, secret := range []string{"s3cret", "hunter2"} {
					if strings.Contains(got, secret) {
						t.Errorf("%q gives the password away", got)
					}
				}
			case <-time.After(10 * time.Second):
				t.Error("nobody was told that the store is lost")
			}
		})
	}
}
