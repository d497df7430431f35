package bench

import (
	"testing"

	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/test/need"
)

func TestRedisCountsCommands(t *testing.T) {
	server := need.Redis(t)
	r := &redisServer{addr: server.Addr}
	before, names, err := r.commands()
	if err != nil {
		t.Fatal(err)
	}
	for range 7 {
		server.Do("SET", "order", "4711")
	}
	server.Do("EVAL", "redis.call('GET', 'order') return 1", "0")
	after, later, err := r.commands()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := after-before, int64(1+1); got != want { // EVAL, and INFO itself
		t.Errorf("Redis was sent %d commands beside those of scripts, want %d", got, want)
	}
	for name, want := range map[string]int64{"set": 7, "eval": 1, "get": 1} {
		if got := later[name] - names[name]; got != want {
			t.Errorf("Redis ran %s %d times, want %d", name, got, want)
		}
	}
}

func TestRedisThatIsGone(t *testing.T) {
	addr, err := child.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (&redisServer{addr: addr}).commands(); err == nil {
		t.Error("a Redis that is gone has counts")
	}
}
