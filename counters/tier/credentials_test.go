package tier

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestPasswordThatChanges: a connection that works is kept, the next one has the new password,
// and a wrong one is told of until it is right.
func TestPasswordThatChanges(t *testing.T) {
	t.Parallel()
	server := need.Redis(t, "user edge on >old ~theriac:* resetchannels &theriac:* +@all -@admin -@dangerous")
	var password atomic.Value
	password.Store("old")
	store := edges(t, 1, Options{
		Addresses: []string{server.Addr}, Deadline: 5 * time.Second,
		Credentials: func() (string, string, error) { return "edge", password.Load().(string), nil },
	})[0]
	server.Do("ACL", "SETUSER", "edge", ">new")
	password.Store("new")
	server.Do("ACL", "SETUSER", "edge", "<old")
	time.Sleep(1500 * time.Millisecond) // a heartbeat
	if st := store.Status(); !st.Shared {
		t.Errorf("the connection that works is lost: %s", st.Reason)
	}
	server.Do("CLIENT", "KILL", "USER", "edge")
	time.Sleep(1500 * time.Millisecond)
	sample.Within(t, 5*time.Second, "the store is shared with the new password", func() bool { return store.Status().Shared })
	password.Store("wrong")
	server.Do("CLIENT", "KILL", "USER", "edge")
	sample.Within(t, 5*time.Second, "the store is lost with a wrong one", func() bool { return !store.Status().Shared })
	password.Store("new")
	sample.Within(t, 5*time.Second, "it is shared again", func() bool { return store.Status().Shared })
}
