// Package limits proves from outside that limits hold: of a client, of a shop, of
// a tier of edges, with Redis and without. Real edges, a real Redis, real sockets;
// everything stays on loopback.
package limits

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// answer is what one request of a load came to.
type answer struct {
	at     time.Time // when it was sent
	took   time.Duration
	status int // 0: it failed
	err    error
}

// load is many requests at a steady pace.
type load struct {
	clients  []*loader
	finished sync.WaitGroup
	cancel   context.CancelFunc
}

type loader struct {
	mu      sync.Mutex
	answers []answer
}

// startLoad sends rate requests a second to url, from as many connections as
// told, until stop. A connection that must wait for its answer skips no beat:
// it sends the missed ones at once, as a flood does.
func startLoad(t testing.TB, url string, connections, rate int) *load {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	every := time.Duration(connections) * time.Second / time.Duration(rate)
	begin := time.Now()
	for i := range connections {
		c := new(loader)
		l.clients = append(l.clients, c)
		l.finished.Go(func() {
			beat := begin.Add(every * time.Duration(i) / time.Duration(connections))
			for ctx.Err() == nil {
				time.Sleep(time.Until(beat))
				beat = beat.Add(every)
				c.send(client, url)
			}
		})
	}
	t.Cleanup(func() {
		l.stop()
		transport.CloseIdleConnections()
	})
	return l
}

func (c *loader) send(client *http.Client, url string) {
	a := answer{at: time.Now()}
	response, err := client.Get(url)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		a.status = response.StatusCode
	}
	a.took, a.err = time.Since(a.at), err
	if err != nil {
		a.status = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, a)
}

// stop ends the load.
func (l *load) stop() {
	l.cancel()
	l.finished.Wait()
}

// between lists what was sent from one time to another.
func (l *load) between(from, to time.Time) (answers []answer) {
	for _, c := range l.clients {
		c.mu.Lock()
		for _, a := range c.answers {
			if !a.at.Before(from) && a.at.Before(to) {
				answers = append(answers, a)
			}
		}
		c.mu.Unlock()
	}
	return answers
}

// with counts the answers of a status.
func with(answers []answer, status int) (n int) {
	for _, a := range answers {
		if a.status == status {
			n++
		}
	}
	return n
}

// onlyPassedOrRefused fails the test for each answer that is neither 200 nor 429.
func onlyPassedOrRefused(t testing.TB, answers []answer) {
	t.Helper()
	strange := 0
	for _, a := range answers {
		if a.status == http.StatusOK || a.status == http.StatusTooManyRequests {
			continue
		}
		if strange++; strange <= 3 {
			t.Errorf("an answer was neither 200 nor 429: status %d, %v", a.status, a.err)
		}
	}
	if strange > 3 {
		t.Errorf("%d answers were neither 200 nor 429", strange)
	}
}

// slower counts the answers that took longer than limit.
func slower(answers []answer, limit time.Duration) (n int) {
	for _, a := range answers {
		if a.took > limit {
			n++
		}
	}
	return n
}

// quantile is how long the share q of the answers took at most.
func quantile(answers []answer, q float64) time.Duration {
	if len(answers) == 0 {
		return 0
	}
	took := make([]time.Duration, len(answers))
	for i, a := range answers {
		took[i] = a.took
	}
	slices.Sort(took)
	return took[int(q*float64(len(took)-1))]
}
