// Package solver gets passes of an edge without a browser: for the customers of
// drills, and for attackers that do the same.
//
// It solves with challenge/pow, as the page's script does, on one core. A challenge
// of an unknown version, an answer that is not a pass and a connection that breaks
// are errors; nothing is tried twice.
package solver

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	paths "github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/hint"
)

// challengeIn finds the challenge in the page that is served instead of the
// shop's.
var challengeIn = regexp.MustCompile(`data-token="([A-Za-z0-9_-]{59})"`)

// TokenIn is the challenge in a page, or empty if there is none.
func TokenIn(page []byte) string {
	if found := challengeIn.FindSubmatch(page); found != nil {
		return string(found[1])
	}
	return ""
}

// Ask requests a challenge, as the page does when its own has expired.
func Ask(ctx context.Context, by http.RoundTripper, base, host, agent string) (token string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+paths.ChallengePath, nil)
	if err != nil {
		return "", fmt.Errorf("requesting a challenge of %s: %w", host, err)
	}
	req.Host = host
	req.Header = http.Header{"User-Agent": {agent}, "Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return "", hint.Errorf("start it first, such as `go run ./cmd/theriac demo --level 2`", "requesting a challenge of %s: %w", host, load.WithoutAddrs(err))
	}
	defer resp.Body.Close()
	var offer struct {
		Token string `json:"token"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1000)).Decode(&offer)
	if resp.StatusCode != http.StatusOK || err != nil || offer.Token == "" {
		return "", hint.Errorf("--host with the name of a shop behind `shield`", "requesting a challenge of %s: the answer %s has none", host, resp.Status)
	}
	return offer.Token, nil
}

// solution is what the page would submit for a challenge, computed on one core
// and without a browser.
func solution(token string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != len(pow.Sealed{}) || pow.Algorithm(raw[1]) != pow.SHA256 {
		return "", fmt.Errorf("solving %q: it is not a challenge of a known version", token)
	}
	sealed := pow.Sealed(raw)
	c := pow.Challenge{Algorithm: pow.SHA256, K: sealed[2], Threshold: binary.BigEndian.Uint32(sealed[4:])}
	begun := time.Now()
	nonces := pow.Solve(&c, &sealed)
	if nonces == nil {
		return "", fmt.Errorf("solving %q: it has no solution", token)
	}
	return fmt.Sprintf("%s.%s.%d", token, base64.RawURLEncoding.EncodeToString(nonces), time.Since(begun).Milliseconds()), nil
}

// Earn solves a challenge and submits the solution. The pass is valid for
// requests with the same User-Agent as in header.
func Earn(ctx context.Context, by http.RoundTripper, base, host string, header http.Header, token string) (*http.Cookie, error) {
	solved, err := solution(token)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, load.AnswerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+paths.ChallengePath, strings.NewReader(solved))
	if err != nil {
		return nil, fmt.Errorf("submitting a solution: %w", err)
	}
	req.Host = host
	req.Header = http.Header{
		"User-Agent": header["User-Agent"], "Accept": {"*/*"}, "Content-Type": {"text/plain;charset=UTF-8"},
		"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"},
	}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("submitting a solution: %w", load.WithoutAddrs(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil {
		return nil, fmt.Errorf("submitting a solution: %w", load.WithoutAddrs(err))
	}
	if resp.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("submitting a solution: the edge answered %s %s", resp.Status, body)
	}
	for _, c := range resp.Cookies() {
		if c.Value != "" {
			return &http.Cookie{Name: c.Name, Value: c.Value}, nil
		}
	}
	return nil, errors.New("submitting a solution: the edge accepted it and set no pass")
}
