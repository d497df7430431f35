package tier

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"
)

//go:embed heartbeat.lua
var heartbeatLua string
var heartbeat = NewScript(heartbeatLua)

const (
	nodesKey       = "theriac:nodes"
	heartbeatEvery = time.Second
	heartbeatAgain = 100 * time.Millisecond // after one that failed
	heartbeatLife  = 3 * time.Second        // how long an edge lives after one
)

// Key returns the name of a key that one script may use together with all other
// keys made by Key: the part in braces has a Redis Cluster keep them in one hash
// slot, where the heartbeats are.
func Key(name string) string { return "theriac:" + name + ":{" + nodesKey + "}" }

// heartbeat tells the store that this edge lives and learns which others do,
// and the version of the map. While the store is lost the last answer stands.
// It returns when to send the next one.
func (t *Tier) heartbeat() time.Duration {
	var version int64
	var names []string
	keys := []string{nodesKey, t.feed.key()}
	err := t.Run(context.Background(), t.opts.Deadline, heartbeat, keys, []any{t.member, heartbeatLife.Milliseconds()}, func(reply Reply) error {
		values, err := reply.Slice()
		if err == nil {
			version, names, err = parseHeartbeat(values)
		}
		return err
	})
	if err != nil {
		return heartbeatAgain
	}
	t.names.Store(&names)
	t.edges.Store(min(max(1, int64(len(names))), maxEdges))
	if !t.reached.Swap(true) {
		t.lost.Store(false)
	}
	if t.feed.Version != nil {
		t.feed.Version(version)
	}
	return heartbeatEvery
}

// parseHeartbeat reads the answer to a heartbeat.
func parseHeartbeat(reply []any) (version int64, names []string, err error) {
	malformed := errors.New("malformed answer to a heartbeat")
	if len(reply) != 2 {
		return 0, nil, malformed
	}
	digits, _ := reply[0].(string)
	members, ok := reply[1].([]any)
	version, err = strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || version < 0 {
		return 0, nil, malformed
	}
	for _, m := range members {
		name, ok := m.(string)
		if !ok {
			return 0, nil, malformed
		}
		names = append(names, name)
	}
	return version, names, nil
}

// leave removes this edge from the list, so that the others need not wait until
// it is found dead.
func (t *Tier) leave() {
	_ = t.call(context.Background(), t.opts.Deadline, func(ctx context.Context) error {
		t.commands.Add(1)
		return t.client.ZRem(ctx, nodesKey, t.member).Err()
	})
}
