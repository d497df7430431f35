//go:build unix

package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/hint"
)

// stopShops stops all shops. The repair lets them go on, with the requests that wait.
func (w *World) stopShops() (repair func() error, err error) {
	all := func(s syscall.Signal) func() error {
		return func() error {
			var errs []error
			for _, p := range w.shops {
				errs = append(errs, p.Signal(s))
			}
			return errors.Join(errs...)
		}
	}
	return all(syscall.SIGCONT), all(syscall.SIGSTOP)()
}

// breakPart breaks a part of the shield, and returns what repairs it.
func (s *shield) breakPart(ctx context.Context, what scenario.Break) (repair func() error, err error) {
	switch what {
	case scenario.StopRedis:
		return func() error { return s.redis.Signal(syscall.SIGCONT) }, s.redis.Signal(syscall.SIGSTOP)
	case scenario.KillEdge:
		return s.killEdge(ctx, len(s.edges)-1)
	case scenario.KillLeader:
		for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			if leader, ok := s.leader(ctx); ok {
				return s.killEdge(ctx, leader)
			}
			if time.Since(begin) > leads {
				return nil, errors.New("killing the edge that leads: none does")
			}
		}
	case scenario.Reload:
		var errs []error
		for _, e := range s.edges {
			if !s.isKilled(e.Process) {
				_, err := e.ask(ctx, http.MethodPost, "/load", "text/caddyfile", e.config)
				errs = append(errs, err)
			}
		}
		return func() error { return nil }, errors.Join(errs...)
	}
	return nil, fmt.Errorf("unknown chaos %q", what)
}

// leads is how long it takes at the most until one edge leads.
const leads = 5 * time.Second

// leader is which edge leads the watch.
func (s *shield) leader(ctx context.Context) (i int, ok bool) {
	for i, e := range s.edges {
		var watch struct {
			Role string `json:"role"`
		}
		if s.isKilled(e.Process) {
			continue
		}
		answer, err := e.ask(ctx, http.MethodGet, "/shield/watch", "", nil)
		if err == nil && json.Unmarshal(answer, &watch) == nil && watch.Role == "leading" {
			return i, true
		}
	}
	return 0, false
}

// killEdge kills an edge. The repair starts it again.
func (s *shield) killEdge(ctx context.Context, i int) (repair func() error, err error) {
	s.mu.Lock()
	last := s.edges[i]
	alone := len(s.edges) == 1
	last.killed = true
	s.mu.Unlock()
	if alone {
		return nil, hint.Errorf("--edges 2", "killing an edge: there is only one")
	}
	if err := last.Signal(syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("killing an edge: %w", err)
	}
	return func() error {
		fresh := &edge{command: last.command, addr: last.addr, admin: last.admin, config: last.config}
		if err := fresh.start(ctx); err != nil {
			return fmt.Errorf("starting the killed edge again: %w", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.edges[i] = fresh
		return nil
	}, nil
}
