// Package control is what anycastd and its operators say to each other: HTTP over a unix socket.
//
// It stands between cmd/theriac, which asks, and package daemon, which answers. It has the types
// of both and the client. A daemon that does not answer is an error with what to try.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/hint"
)

// DefaultSocket is where anycastd listens unless its configuration names another path.
const DefaultSocket = "/run/anycastd/anycastd.sock"

// Status is the answer to GET /status.
type Status struct {
	Edge     string                  `json:"edge"`
	State    anycast.State           `json:"state"`
	Why      string                  `json:"why"`
	Alarm    string                  `json:"alarm,omitempty"`
	Health   string                  `json:"health,omitempty"`  // what the last check found wrong
	HandOn   time.Time               `json:"hand_on,omitzero"`  // until when strays are handed on
	Speaker  string                  `json:"speaker,omitempty"` // what went wrong when routers were told
	Sessions []Session               `json:"sessions"`
	Edges    map[string]anycast.Fact `json:"edges"` // that are heard
	Keep     int                     `json:"keep"`

	Escalations []anycast.Escalation `json:"escalations"`
}

// Session is one with a router.
type Session struct {
	Peer  string `json:"peer"`
	Up    bool   `json:"up"`
	State string `json:"state"`
}

// Order is the body of POST /drain, /undrain and /withdraw.
type Order struct {
	Grace string `json:"grace,omitempty"` // a duration, of /drain
	Force bool   `json:"force,omitempty"` // of /withdraw
	Why   string `json:"why"`
}

// Problem is an error as it goes over the socket.
type Problem struct {
	Error string `json:"error"`
	Try   string `json:"try,omitempty"`
}

// maxAnswer bounds what is read of a daemon.
const maxAnswer = 1 << 20

// Call asks the daemon at a socket, and decodes the answer into answer unless it is nil.
func Call(ctx context.Context, socket, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://anycastd"+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	response, err := client.Do(request)
	if err != nil {
		return hint.Errorf("systemctl status anycastd; its socket is for root and its group", "asking anycastd at %s: %w", socket, err)
	}
	defer response.Body.Close()
	if raw, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return fmt.Errorf("asking anycastd: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		var problem Problem
		if err := json.Unmarshal(raw, &problem); err != nil || problem.Error == "" {
			return fmt.Errorf("asking anycastd: status %s", response.Status)
		}
		return hint.New(errors.New(problem.Error), problem.Try)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("decoding the answer of anycastd: %w", err)
	}
	return nil
}
