package customer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/solver"
)

// A tab is the browser of one customer, an http.RoundTripper for its pages: it thinks
// before each, tries again, solves or waits for challenges, and loads pictures.
type tab struct {
	shop, base string
	transport  *http.Transport
	record     *record.Recorder
	random     *rand.Rand
	think      time.Duration
	end        time.Time
	script     bool
	solving    chan struct{} // has room for those that solve at the same time
	pictures   bool

	due         time.Time // when the first page is due; zero: it has been asked for
	redirected  bool      // the page before leads to this one
	at          string    // the page that it shows
	jar         http.CookieJar
	pages       int
	address     int
	changeTo    int // the address of a phone after so many pages
	changeAfter int // 0: none
	from        atomic.Int64

	queued       time.Duration // for the generator, during this page
	pass         *http.Cookie
	cached       map[string]bool // pictures
	challenged   bool
	challengedAt time.Time
	submitted    bool // a checkout form was sent
}

const (
	maxTries      = 3 // of one page
	maxChallenges = 3 // for one try
	maxBody       = 4 << 20
)

// transport is the way to one shop from an address that may change.
func transport(dial load.Dial, address func() int) *http.Transport {
	open := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial(ctx, load.CustomerAddr(address()))
	}
	return &http.Transport{DialContext: open, DialTLSContext: open, MaxIdleConnsPerHost: perHost}
}

// RoundTrip implements http.RoundTripper.
func (t *tab) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.pages++; t.changeAfter > 0 && t.pages > t.changeAfter {
		t.from.Store(int64(t.changeTo))
		t.transport.CloseIdleConnections()
		t.changeAfter = 0
	}
	due := t.due
	if due.IsZero() {
		if !t.redirected {
			if err := t.pause(req.Context(), t.thinks()); err != nil {
				return nil, err
			}
		}
		due = time.Now()
	}
	t.due = time.Time{}
	t.navigates(req)
	for try := 1; ; try++ {
		t.queued = 0
		resp, body, err := t.page(req, due)
		if req.Context().Err() != nil {
			return nil, req.Context().Err() // of the drill, which is not the shop's fault
		}
		good := err == nil && resp.StatusCode < 400
		t.record.Page(t.shop, record.Page{
			Due: due, Took: time.Since(due) - t.queued, Good: good,
			Refused: err == nil && (resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusTooManyRequests),
		})
		if good || try == maxTries {
			t.redirected = good && resp.Header.Get("Location") != ""
			if good && t.pictures {
				t.jar.SetCookies(req.URL, resp.Cookies()) // pictures are sent with them
				t.loadPictures(req.Context(), body)
			}
			return resp, err
		}
		if err := t.pause(req.Context(), t.thinks()); err != nil {
			return nil, err
		}
		due = time.Now()
	}
}

// thinks is how long the customer looks at a page, at most four times the mean.
func (t *tab) thinks() time.Duration {
	long := time.Duration(min(t.random.ExpFloat64(), 4) * float64(t.think))
	if !t.end.IsZero() && time.Now().After(t.end) {
		return long / 10
	}
	return long
}

func (t *tab) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// page asks for a page, and does what a challenge in its place wants.
func (t *tab) page(req *http.Request, due time.Time) (resp *http.Response, body []byte, err error) {
	if req.Method == http.MethodPost && req.URL.Path == "/checkout" {
		t.submitted = true
	}
	for range maxChallenges {
		resp, body, err = t.exchange(req)
		if err != nil || resp.Header.Get(browser.ChallengeHeader) == "" || isCallback(req) {
			return resp, body, err
		}
		if !t.challenged {
			t.challenged, t.challengedAt = true, due
		}
		if t.script {
			err = t.solve(req, body, due)
		} else {
			err = t.wait(req, body, due)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("challenged %d times for one page", maxChallenges)
}

// isCallback reports whether it is the payment provider that sends the request, not the
// customer's browser.
func isCallback(req *http.Request) bool { return req.URL.Path == "/payment/callback" }

// exchange sends the request once and reads the answer to its end.
func (t *tab) exchange(req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), load.AnswerTimeout)
	defer cancel()
	once := req.Clone(ctx)
	if req.GetBody != nil {
		content, err := req.GetBody()
		if err != nil {
			return nil, nil, err
		}
		once.Body = content
	}
	if t.pass != nil && !isCallback(req) {
		once.AddCookie(t.pass)
	}
	resp, err := t.transport.RoundTrip(once)
	if err != nil {
		return nil, nil, load.WithoutAddrs(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, nil, load.WithoutAddrs(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, body, nil
}

// solve earns a pass. Customers have computers of their own; here they share the
// generator's, so they take turns, and what they wait for that is not the target's fault:
// it is recorded apart, and taken out of the time of the page.
func (t *tab) solve(req *http.Request, page []byte, due time.Time) error {
	token := solver.TokenIn(page)
	if token == "" {
		return errors.New("a challenge without a token")
	}
	begun := time.Now()
	select {
	case t.solving <- struct{}{}:
		defer func() { <-t.solving }()
	case <-req.Context().Done():
		return req.Context().Err()
	}
	waited := time.Since(begun)
	t.queued += waited
	pass, err := solver.Earn(req.Context(), t.transport, t.base, req.URL.Host, req.Header, token)
	if err != nil && waited > patientToken {
		return nil // the challenge has expired meanwhile: the page comes with another one
	}
	if err != nil {
		return err
	}
	t.pass = pass
	t.record.Solved(t.shop, due, time.Since(begun)-waited, waited)
	return nil
}

// patientToken is how long a challenge can be waited with in any case.
const patientToken = 20 * time.Second

// refresh is where the page leads a browser without scripts, and after how long.
var refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="(\d{1,3});url=([^"]+)">`)

// wait does what a browser without scripts does: it waits, and gets a pass for it.
func (t *tab) wait(req *http.Request, page []byte, due time.Time) error {
	found := refresh.FindSubmatch(page)
	if found == nil {
		return errors.New("a challenge without a way for browsers without scripts")
	}
	seconds, _ := strconv.Atoi(string(found[1])) // up to three digits
	to := html.UnescapeString(string(found[2]))
	if !strings.HasPrefix(to, "/") {
		return errors.New("a challenge that leads to another host")
	}
	if err := t.pause(req.Context(), time.Duration(seconds)*time.Second); err != nil {
		return err
	}
	again, err := http.NewRequestWithContext(req.Context(), http.MethodGet, t.base+to, nil)
	if err != nil {
		return err
	}
	again.Header = req.Header.Clone()
	again.Header.Del("Content-Type")
	resp, _, err := t.exchange(again)
	if err != nil {
		return err
	}
	for _, c := range resp.Cookies() {
		if c.Value != "" && resp.StatusCode < 400 {
			t.pass = &http.Cookie{Name: c.Name, Value: c.Value}
			t.record.Waited(t.shop, due)
			return nil
		}
	}
	return nil // not yet: the page is challenged again
}
