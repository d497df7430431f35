package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A tab is the browser of one shopper: it looks at each page for a while before
// it goes on, and takes the time until the last byte of an answer. If the shop
// asks for work it does that and sends the same request again, with its pass.
type tab struct {
	transport *http.Transport
	pause     time.Duration
	seen      func(time.Duration) // each answer
	solved    func(time.Duration) // each challenge

	pass *http.Cookie
}

// maxChallenges is how often a request may be challenged until the shopper
// gives up.
const maxChallenges = 3

// RoundTrip implements http.RoundTripper.
func (t *tab) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case <-time.After(t.pause):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	for range maxChallenges {
		resp, token, err := t.send(req)
		if err != nil || token == "" {
			return resp, err
		}
		begun := time.Now()
		base := req.URL.Scheme + "://" + req.URL.Host
		if t.pass, err = earn(req.Context(), t.transport, base, req.Host, req.Header, token); err != nil {
			return nil, err
		}
		t.solved(time.Since(begun))
	}
	return nil, fmt.Errorf("challenged %d times for one request", maxChallenges)
}

// send sends the request, as often as wanted, with the pass. If the answer is a
// challenge it returns its token.
func (t *tab) send(req *http.Request) (resp *http.Response, token string, err error) {
	once := req.Clone(req.Context())
	if req.GetBody != nil {
		if once.Body, err = req.GetBody(); err != nil {
			return nil, "", err
		}
	}
	if t.pass != nil {
		once.AddCookie(t.pass)
	}
	begun := time.Now()
	var body []byte
	resp, err = t.transport.RoundTrip(once)
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(resp.Body, 4<<20))
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	t.seen(time.Since(begun)) // failed requests count with the time they took
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		return resp, "", err
	}
	if found := challengeIn.FindSubmatch(body); found != nil {
		token = string(found[1])
	}
	return resp, token, nil
}
