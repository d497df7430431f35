package tier

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// access is what a new connection needs.
type access struct {
	username, password string
	tls                *tls.Config // nil: it is not encrypted
}

// credentials are what new connections use: the last access that the store has accepted.
// Another one, as files have it now, is tried first by a connection of its own. So a wrong
// password, or a certificate without its key, harms nothing, and operators hear of it while
// the connections that exist go on.
type credentials struct {
	accepted atomic.Pointer[access]
	refused  atomic.Pointer[string] // why a new connection would fail
	tried    time.Time
}

const (
	readEvery = 2 * time.Second  // how often files are read again
	readLost  = time.Second      // while the store is lost
	tryEvery  = 30 * time.Second // how often a new connection is tried where nothing has changed
	tryWait   = 5 * time.Second
)

// current returns what new connections use. Until the store has accepted something that is
// what files have now.
func (t *Tier) current() (*access, error) {
	if a := t.credentials.accepted.Load(); a != nil {
		return a, nil
	}
	return t.opts.access()
}

// access reads the files.
func (o Options) access() (a *access, err error) {
	a = &access{username: o.Username, password: o.Password}
	if o.Credentials != nil {
		if a.username, a.password, err = o.Credentials(); err != nil {
			return nil, err
		}
	}
	if o.TLS != nil {
		if a.tls, err = o.TLS(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// equal reports whether nothing has changed.
func (a *access) equal(b *access) bool {
	return b != nil && a.username == b.username && a.password == b.password && sameTLS(a.tls, b.tls)
}

func sameTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	if (a.RootCAs == nil) != (b.RootCAs == nil) || a.RootCAs != nil && !a.RootCAs.Equal(b.RootCAs) {
		return false
	}
	return slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
		return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
	})
}

// watchCredentials is the loop that reads the files again, once the store was reached.
func (t *Tier) watchCredentials(ctx context.Context) {
	var read time.Time
	tick := time.NewTicker(readLost)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if t.reached.Load() && (t.Lost() || time.Since(read) >= readEvery) {
			read = time.Now()
			t.look(ctx)
		}
	}
}

// look reads the files again and tries what has changed. From time to time it tries what has
// not: the password may have changed in the store alone.
func (t *Tier) look(ctx context.Context) {
	c, now := &t.credentials, time.Now()
	is, err := t.opts.access()
	if err != nil {
		t.refuse(err.Error())
		return
	}
	was, trouble := c.accepted.Load(), c.refused.Load()
	if is.equal(was) && trouble == nil && (t.Lost() || now.Sub(c.tried) < tryEvery) {
		return
	}
	c.tried = now
	switch err = t.try(ctx, is); {
	case err == nil:
		c.accepted.Store(is)
		c.refused.Store(nil)
		if (trouble != nil || was != nil && !is.equal(was)) && t.opts.OnCredentials != nil {
			t.opts.OnCredentials("")
		}
	case isAboutCredentials(err): // all else the heartbeat sees as well
		t.refuse(t.opts.reason(err, t.opts.Deadline))
	}
}

// refuse notes that new connections would fail, and makes it known if it is new.
func (t *Tier) refuse(why string) {
	if was := t.credentials.refused.Swap(&why); (was == nil || *was != why) && t.opts.OnCredentials != nil {
		t.opts.OnCredentials(why)
	}
}

// try makes a connection of its own, to each master of a Cluster, and sends a heartbeat.
func (t *Tier) try(ctx context.Context, a *access) error {
	ctx, cancel := context.WithTimeout(ctx, tryWait)
	defer cancel()
	options := t.opts.client(func() (*access, error) { return a, nil })
	options.PoolSize = 1
	client := redis.NewUniversalClient(options)
	defer client.Close()
	keys, args := t.beat(time.Now())
	err := heartbeat.script.Run(ctx, client, keys, args...).Err()
	if cluster, ok := client.(*redis.ClusterClient); ok && err == nil {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return master.Ping(ctx).Err() })
	}
	return err
}

// refusals are parts of the errors by which a server lets a connection in no further.
var refusals = []string{"WRONGPASS", "NOAUTH", "NOPERM", "user executing the script", "ACL failure in script", "max number of clients", "tls: "}

// isAboutCredentials reports whether the store has refused the connection, and is not just
// slow, gone or another's replica.
func isAboutCredentials(err error) bool {
	return isCertificate(err) || slices.ContainsFunc(refusals, func(part string) bool { return strings.Contains(err.Error(), part) })
}

// refusal tells operators that new connections would fail, if they would.
func (t *Tier) refusal() string {
	why := t.credentials.refused.Load()
	if why == nil {
		return ""
	}
	return fmt.Sprintf("new connections are refused, %d go on: %s", t.client.PoolStats().TotalConns, *why)
}
