package flood

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/drill/solver"
)

// A tab is the browser of one shopper: it pauses on each page, and measures the
// time until the last byte of an answer. If the shop answers with a challenge, it
// solves it and sends the same request again, with its pass.
type tab struct {
	transport *http.Transport
	pause     time.Duration
	answered  func(time.Duration) // each answer
	solved    func(time.Duration) // each challenge

	pass *http.Cookie
}

// maxChallenges is how often a request may be challenged before the shopper gives
// up.
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
		if t.pass, err = solver.Earn(req.Context(), t.transport, base, req.Host, req.Header, token); err != nil {
			return nil, err
		}
		t.solved(time.Since(begun))
	}
	return nil, fmt.Errorf("challenged %d times for one request", maxChallenges)
}

// send sends the request, with the pass if there is one. If the answer is a
// challenge, it returns its token.
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
	t.answered(time.Since(begun)) // failed requests count with the time they took
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		return resp, "", err
	}
	return resp, solver.TokenIn(body), nil
}
