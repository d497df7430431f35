package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

const (
	batchDelay = 20 * time.Millisecond // how long a change waits for others
	pollEvery  = time.Second           // how often the daemon is asked what it dropped
	idleEvery  = 10 * time.Second      // the same, while the scrubber drops nothing for this edge
	timeout    = time.Second           // a daemon that takes longer is hung
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second

	largestResponse = 8 << 20
)

// Run keeps the scrubber in sync until ctx ends. It sends changes after 20 ms,
// and asks each second what was dropped as long as the scrubber drops something
// for this edge.
func (c *Client) Run(ctx context.Context) {
	h, retry := &http.Client{Timeout: timeout, Transport: transport()}, time.Duration(0)
	defer h.CloseIdleConnections()
	for {
		wake, wait := c.wake, pollEvery
		if retry > 0 {
			wake, wait = nil, retry // changes can wait: the daemon does not answer
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
			time.Sleep(batchDelay)
		case <-time.After(wait):
		}
		retry = c.sync(ctx, h, retry)
	}
}

// sync sends what is unequal, in as many requests as that takes. It returns how
// long to leave the daemon alone if it does not answer.
func (c *Client) sync(ctx context.Context, h *http.Client, retry time.Duration) time.Duration {
	for {
		batch, ok := c.next(time.Now())
		if !ok {
			return 0
		}
		response, err := send(ctx, h, batch.address, SyncRequest{Edge: c.opts.Node(), Bans: batch.bans})
		if err != nil {
			c.failed(batch, err)
			return min(max(firstRetry, 2*retry), lastRetry)
		}
		c.apply(batch, response, time.Now())
		if !batch.more {
			return 0
		}
	}
}

// batch is one request.
type batch struct {
	address string
	bans    []PushedBan
	more    bool // changes did not fit
}

// next returns the changes for one request, and whether to send it at all. A ban
// that was over before it could be sent is left out.
func (c *Client) next(now time.Time) (b batch, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.address == "" {
		return b, false
	}
	b.address = c.address
	for prefix := range c.unequal {
		if len(b.bans) == MaxBatch {
			break
		}
		delete(c.unequal, prefix)
		switch e := c.entries[prefix]; {
		case e.wanted && e.ban.Until.After(now):
			// The time of day may have been set since the ban was made.
			until := now.Add(e.ban.Until.Sub(now))
			b.bans = append(b.bans, PushedBan{Prefix: prefix, Until: until, Shop: e.ban.Shop, Cause: e.ban.Cause})
			if e.ban.Until.After(e.sent) {
				e.sent = e.ban.Until
			}
		case !e.wanted && e.sent.After(now):
			b.bans = append(b.bans, PushedBan{Prefix: prefix, Shop: e.ban.Shop, Cause: e.ban.Cause})
		case !e.wanted:
			c.forget(prefix)
		}
	}
	b.more = len(c.unequal) > 0
	ok = len(b.bans) > 0 || !c.status.Answers || now.Sub(c.asked) >= idleEvery ||
		c.wanted > 0 && now.Sub(c.asked) >= pollEvery
	if ok {
		c.asked = now
	}
	return b, ok
}

// failed notes that the daemon acknowledged nothing of a batch.
func (c *Client) failed(b batch, err error) {
	c.mu.Lock()
	if c.address != b.address {
		c.mu.Unlock()
		return // of another daemon, before a reload
	}
	for _, p := range b.bans {
		if c.entries[p.Prefix] != nil {
			c.unequal[p.Prefix] = struct{}{}
		}
	}
	status, changed := c.setAnswers(false, err.Error())
	c.mu.Unlock()
	if changed {
		c.opts.OnChange(status)
	}
}

// setAnswers notes whether the daemon answers, and reports whether that is new.
// The caller holds the lock.
func (c *Client) setAnswers(answers bool, reason string) (Status, bool) {
	if c.status.Answers == answers && (answers || c.status.Reason != "") {
		return c.status, false
	}
	c.status.Answers, c.status.Reason, c.status.Since = answers, reason, time.Now()
	return c.status, true
}

// apply processes the daemon's response to a batch.
func (c *Client) apply(b batch, r SyncResponse, now time.Time) {
	c.mu.Lock()
	if c.address != b.address {
		c.mu.Unlock()
		return // of another daemon, before a reload
	}
	c.status.Pushed += uint64(len(b.bans))
	if c.instance != "" && c.instance != r.Instance {
		c.pushAgain()
	}
	c.instance = r.Instance
	c.acknowledge(b.bans, r.Refused, now)
	due := c.count(r.Hits, now)
	hits := c.keysOf(r.Hits)
	status, changed := c.setAnswers(true, "")
	c.mu.Unlock()
	if changed {
		c.opts.OnChange(status)
	}
	for key, packets := range hits {
		c.opts.OnHit(key, packets)
	}
	for prefix, b := range due {
		c.opts.Renew(prefix, b, now)
	}
}

// keysOf returns hits by the keys of their bans, if anybody asks. The caller holds the lock.
func (c *Client) keysOf(hits []Hit) map[netkey.Key]uint64 {
	if c.opts.OnHit == nil || len(hits) == 0 {
		return nil
	}
	byKey := make(map[netkey.Key]uint64, len(hits))
	for _, hit := range hits {
		if e := c.entries[hit.Prefix]; e != nil {
			byKey[e.ban.Key] += hit.Packets
		}
	}
	return byKey
}

// pushAgain marks everything as unequal: a daemon that was restarted may have
// lost it. The caller holds the lock.
func (c *Client) pushAgain() {
	for prefix, e := range c.entries {
		e.acked, e.ackedAt, e.refused = time.Time{}, time.Time{}, ""
		c.unequal[prefix] = struct{}{}
	}
	c.notify()
}

// acknowledge notes what the daemon knows now. The caller holds the lock.
func (c *Client) acknowledge(sent []PushedBan, refused []Refused, now time.Time) {
	reasons := make(map[netip.Prefix]string, len(refused))
	for _, r := range refused {
		reasons[r.Prefix] = r.Reason
	}
	for i := range sent {
		p := &sent[i]
		e := c.entries[p.Prefix]
		if e == nil {
			continue
		}
		e.acked, e.ackedAt, e.refused = p.Until, now, reasons[p.Prefix]
		switch {
		case e.wanted && e.acked.Equal(e.ban.Until):
			delete(c.unequal, p.Prefix)
		case e.wanted || !p.Lifts():
			c.unequal[p.Prefix] = struct{}{} // has changed meanwhile
			c.notify()
		case e.refused == "":
			c.forget(p.Prefix)
		}
	}
}

const (
	// pushAgainEvery is when an acknowledged ban is sent once more: the daemon
	// holds each for an hour at most, and a manual ban may last longer.
	pushAgainEvery = 20 * time.Minute

	// retryRefused is when a refused ban is sent once more: the daemon's limits
	// are per minute, and its list may have room again.
	retryRefused = time.Minute
)

// count adds what was dropped, and returns the bans that are to be renewed. It
// marks those as unequal whose acknowledgement is too old. The caller holds the
// lock.
func (c *Client) count(hits []Hit, now time.Time) (due map[netip.Prefix]ban.Ban) {
	packets := make(map[netip.Prefix]uint64, len(hits))
	for _, hit := range hits {
		packets[hit.Prefix] = hit.Packets
		c.status.Packets += hit.Packets
	}
	due = make(map[netip.Prefix]ban.Ban)
	for prefix, e := range c.entries {
		age := now.Sub(e.ackedAt)
		if !e.ackedAt.IsZero() && (age > pushAgainEvery || e.refused != "" && age > retryRefused) {
			e.ackedAt = now
			c.unequal[prefix] = struct{}{}
		}
		if !e.wanted {
			continue
		}
		e.hits = e.hits.add(packets[prefix], e.ban, now)
		if renews(e.hits, e.ban, now) {
			due[prefix] = e.ban
		}
	}
	return due
}

// transport dials the socket that a URL's host names: see hostOf.
func transport() *http.Transport {
	return &http.Transport{
		MaxIdleConns: 1, ResponseHeaderTimeout: timeout,
		DialContext: func(ctx context.Context, _, host string) (net.Conn, error) {
			name, _, _ := strings.Cut(host, ".")
			address, err := hex.DecodeString(name)
			if err != nil {
				return nil, err
			}
			var d net.Dialer
			return d.DialContext(ctx, "unix", socketOf(string(address)))
		},
	}
}

// hostOf names a socket in URLs, so that no connection to one daemon is used for
// another.
func hostOf(address string) string { return hex.EncodeToString([]byte(address)) + ".scrubd" }

// send posts one request.
func send(ctx context.Context, h *http.Client, address string, request SyncRequest) (r SyncResponse, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return r, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+hostOf(address)+Path, bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	post.Header.Set("Content-Type", "application/json")
	return r, ask(h, post, &r)
}

// ask sends a request, and parses the response into answer.
func ask(h *http.Client, request *http.Request, answer any) error {
	response, err := h.Do(request)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err // without the URL, whose host means nothing to an operator
		}
		return fmt.Errorf("asking scrubd: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestResponse))
	switch {
	case err != nil:
		return fmt.Errorf("reading scrubd's answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("scrubd answers %s: %.200s", response.Status, bytes.TrimSpace(body))
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("parsing scrubd's answer: %w", err)
	}
	return nil
}
