package shield

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

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/shop/ban"
)

const (
	gather     = 20 * time.Millisecond // how long verdicts wait for others
	pollEvery  = time.Second           // how often the scrubber is asked what it dropped
	talkWithin = time.Second           // a scrubber that takes longer is hung
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second

	largestJudgement = 8 << 20
)

// talk tells the scrubber what is due, and asks it each second for what it
// dropped as long as it drops something for this edge.
func (b *below) talk(ctx context.Context, edge func() string) {
	client, retry := &http.Client{Timeout: talkWithin, Transport: b.transport()}, time.Duration(0)
	defer client.CloseIdleConnections()
	for {
		wake, wait := b.wake, pollEvery
		if retry > 0 {
			wake, wait = nil, retry // nobody is there: what is due can wait
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
			time.Sleep(gather)
		case <-time.After(wait):
		}
		retry = b.exchange(ctx, client, edge(), retry)
	}
}

// exchange sends what is due, in as many messages as that takes, and returns
// for how long to leave the scrubber alone if it does not answer.
func (b *below) exchange(ctx context.Context, client *http.Client, edge string, retry time.Duration) time.Duration {
	for {
		batch, more, worth := b.batch(time.Now())
		if !worth {
			return 0
		}
		judgement, err := send(ctx, client, b.host(), wire.Verdicts{Edge: edge, Verdicts: batch})
		if err != nil {
			b.failed(batch, err)
			return min(max(firstRetry, 2*retry), lastRetry)
		}
		b.judged(batch, judgement, time.Now())
		if !more {
			return 0
		}
	}
}

// host names the scrubber's socket in URLs, so that no connection to one scrubber
// is used for another.
func (b *below) host() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return hex.EncodeToString([]byte(b.address)) + ".scrubber"
}

// transport dials the scrubber's socket that a URL's host names.
func (b *below) transport() *http.Transport {
	return &http.Transport{
		MaxIdleConns: 1, ResponseHeaderTimeout: talkWithin,
		DialContext: func(ctx context.Context, _, host string) (net.Conn, error) {
			name, _, _ := strings.Cut(host, ".")
			address, err := hex.DecodeString(name)
			if err != nil {
				return nil, err
			}
			at, err := caddy.ParseNetworkAddress(string(address))
			if err != nil {
				return nil, err
			}
			var d net.Dialer
			return d.DialContext(ctx, at.Network, at.JoinHostPort(0))
		},
	}
}

// send posts one batch.
func send(ctx context.Context, client *http.Client, host string, verdicts wire.Verdicts) (j wire.Judgement, err error) {
	body, err := json.Marshal(verdicts)
	if err != nil {
		return j, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+"/bans", bytes.NewReader(body))
	if err != nil {
		return j, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err // without the URL, which is nobody's
		}
		return j, fmt.Errorf("asking the scrubber: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, largestJudgement))
	switch {
	case err != nil:
		return j, fmt.Errorf("reading the scrubber's answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return j, fmt.Errorf("the scrubber answers %s: %.200s", response.Status, bytes.TrimSpace(answer))
	}
	if err := json.Unmarshal(answer, &j); err != nil {
		return j, fmt.Errorf("understanding the scrubber's answer: %w", err)
	}
	return j, nil
}

// judged takes in what the scrubber says. One that was started anew is told
// everything again.
func (b *below) judged(batch []wire.Verdict, j wire.Judgement, now time.Time) {
	b.mu.Lock()
	b.state.Passed += uint64(len(batch))
	for _, v := range batch {
		if known := b.verdicts[v.Prefix]; known != nil {
			known.why = ""
		}
	}
	for _, r := range j.Refused {
		if known := b.verdicts[r.Prefix]; known != nil {
			known.why = r.Why
		}
	}
	if b.boot != "" && b.boot != j.Boot {
		for prefix, v := range b.verdicts {
			if _, newer := b.due[prefix]; !newer {
				b.due[prefix] = verdictOf(prefix, v.ban)
			}
		}
		b.ring()
	}
	b.boot = j.Boot
	hits := make(map[netip.Prefix]uint64, len(j.Hits))
	for _, hit := range j.Hits {
		hits[hit.Prefix] = hit.Packets
		b.state.Packets += hit.Packets
	}
	type busy struct {
		prefix netip.Prefix
		ban    ban.Ban
	}
	var again []busy
	for prefix, v := range b.verdicts {
		v.packets += hits[prefix]
		if v.told.Before(now.Add(-v.again())) {
			v.told, b.due[prefix] = now, verdictOf(prefix, v.ban)
		}
		if v.stillBusy(hits[prefix], now) {
			again = append(again, busy{prefix, v.ban})
		}
	}
	b.turn(true, "")
	for _, a := range again {
		b.renew(a.prefix, a.ban, now)
	}
}

// tellAgain is when a verdict is passed once more: the scrubber holds one for an
// hour at the most, and people's bans may last longer.
const tellAgain = 20 * time.Minute

// tryAgain is when a verdict is passed once more that was refused: the scrubber's
// caps are by the minute, and its list has room again sometimes.
const tryAgain = time.Minute

func (v *verdict) again() time.Duration {
	if v.why != "" {
		return tryAgain
	}
	return tellAgain
}

const (
	lastPart  = 3 * time.Second         // in which a ban must prove that it works, or a quarter of its life
	decide    = 2500 * time.Millisecond // before its end: two polls
	busyAbove = 20                      // packets a second; a browser's retries are fewer
)

// longestBusy is for how long a ban is renewed for what the scrubber drops. Those
// packets prove nothing: with forged ones a stranger could keep somebody out for
// good. Whose flood goes on is banned anew, once more of it has come through.
const longestBusy = 2 * longest

// stillBusy reports whether a ban is about to end that still keeps out a
// flood.
func (v *verdict) stillBusy(packets uint64, now time.Time) bool {
	left := v.ban.Until.Sub(now)
	if v.ban.Until.Sub(v.first) >= longestBusy {
		return false
	}
	if left <= 0 || left > max(lastPart, v.ban.Until.Sub(v.ban.Told)/4) {
		return false
	}
	if v.since.IsZero() {
		v.since = now // what was dropped before counts no more
		return false
	}
	v.late += packets
	return left < decide && float64(v.late) >= busyAbove*now.Sub(v.since).Seconds()
}

// checkScrub refuses an address that is no unix socket: whoever can reach the
// scrubber decides who is dropped.
func checkScrub(address string) error {
	if address == "" {
		return nil
	}
	if at, err := caddy.ParseNetworkAddress(address); err != nil || !at.IsUnixNetwork() {
		return fmt.Errorf("scrub is %q; it must be a unix socket, such as unix//run/scrubd/scrubd.sock", address)
	}
	return nil
}

// scrubberChanged tells operators, once, that the scrubber answers or not.
func (h *house) scrubberChanged(is Below) {
	owner := h.owner.Load()
	switch {
	case owner == nil:
	case is.Answers:
		owner.log.Info("the scrubber answers: it is told whom to drop")
	default:
		owner.log.Error("the scrubber does not answer: bans hold at this edge alone, until it is back", zap.String("reason", is.Reason))
	}
}
