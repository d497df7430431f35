package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/load"
)

// A shield is edges that share a Redis.
type shield struct {
	redis *child.Process

	mu    sync.Mutex
	edges []*edge
}

// An edge is one of them. Its process is another one after a restart.
type edge struct {
	*child.Process
	command child.Command
	addr    netip.AddrPort
	admin   string
	config  []byte
	killed  bool
}

// openShield starts the Redis and the edges.
func openShield(ctx context.Context, w *World) (*shield, error) {
	s := new(shield)
	redis, address, err := child.StartRedis(ctx, w.Dir, w.CPUs)
	if err != nil {
		return nil, err
	}
	s.redis = redis
	w.front = s // so that Close ends what has been started
	if err := w.teach(ctx, address); err != nil {
		return s, err
	}
	for i := range max(w.Edges, 1) {
		e, err := newEdge(w, i, address)
		if err != nil {
			return s, err
		}
		if err := e.start(ctx); err != nil {
			return s, err
		}
		s.edges = append(s.edges, e)
	}
	return s, nil
}

// newEdge writes the configuration of an edge: the preset of real shops.
func newEdge(w *World, i int, redis string) (*edge, error) {
	addr, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	listen := netip.MustParseAddrPort(addr)
	name := fmt.Sprintf("edge-%d", i+1)
	var text strings.Builder
	scheme, servers, tls := w.siteParts()
	fmt.Fprintf(&text, "{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tdefault_bind 127.0.0.1\n\tlog {\n\t\tlevel WARN\n\t}\n"+
		"\tshield {\n\t\tnode %s\n\t\tsecret %s\n\t\tredis redis://%s\n\t}\n%s}\n", admin, name, secret, redis, servers)
	for _, p := range w.Scenario.Shops {
		fmt.Fprintf(&text, "%s://%s.localhost:%d {\n%s\tshield %s\n\tshop_backend %s\n}\n", scheme, p.Name, listen.Port(), tls, p.Name, w.shop(p.Name).addr)
	}
	e := &edge{addr: listen, admin: admin, config: []byte(text.String())}
	file := filepath.Join(w.Dir, name+".caddyfile")
	if err := os.WriteFile(file, e.config, 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration of %s: %w", name, err)
	}
	e.command = child.Command{
		Name: name, Dir: w.Dir, Path: w.Edge, CPUs: w.CPUs, Env: []string{"XDG_CONFIG_HOME=" + w.Dir, "XDG_DATA_HOME=" + w.Dir},
		Args: []string{"run", "--config", file, "--adapter", "caddyfile"},
	}
	return e, nil
}

func (e *edge) start(ctx context.Context) error {
	started, err := child.Start(ctx, e.command)
	if err != nil {
		return err
	}
	if err := started.Ready(ctx, e.addr.String()); err != nil {
		started.Stop()
		return err
	}
	e.Process = started
	return nil
}

// dial leads each address to its edge.
func (s *shield) dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	e := s.edgeOf(from)
	if e == nil {
		return nil, errors.New("no edge lives")
	}
	return load.DialFrom(ctx, from, e.addr)
}

// edgeOf is the edge of an address, always the same while it lives, as with anycast; nil
// if none does.
func (s *shield) edgeOf(from netip.Addr) *edge {
	s.mu.Lock()
	var live []*edge
	for _, e := range s.edges {
		if !e.killed {
			live = append(live, e)
		}
	}
	s.mu.Unlock()
	if len(live) == 0 {
		return nil
	}
	sum := 0
	for _, b := range from.As4() {
		sum += int(b)
	}
	return live[sum%len(live)]
}

// pin sets the level of all shops.
func (s *shield) pin(ctx context.Context, w *World) error {
	for _, p := range w.Scenario.Shops {
		body, err := json.Marshal(map[string]any{"shop": p.Name, "level": w.Level, "for": "1h", "why": "drill"})
		if err != nil {
			return fmt.Errorf("setting the level of %s: %w", p.Name, err)
		}
		if _, err := s.edges[0].ask(ctx, http.MethodPost, "/shield/level", "application/json", body); err != nil {
			return fmt.Errorf("setting the level of %s: %w", p.Name, err)
		}
	}
	return nil
}

// askTimeout is how long an edge may take for an answer: it may be busy.
const askTimeout = 10 * time.Second

// ask asks the admin API of an edge.
func (e *edge) ask(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+e.admin+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", e.command.Name, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if path == "/load" {
		req.Header.Set("Cache-Control", "must-revalidate") // also the same configuration
	}
	resp, err := load.Direct.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", e.command.Name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", e.command.Name, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking %s: it answered %s %.200s", e.command.Name, resp.Status, answer)
	}
	return answer, nil
}

// levels asks the first edge that lives.
func (s *shield) levels(ctx context.Context) map[string]int {
	var shops []struct {
		ID    string `json:"id"`
		Level int    `json:"level"`
	}
	if s.get(ctx, "/shield/shops", &shops) != nil {
		return nil
	}
	all := make(map[string]int, len(shops))
	for _, p := range shops {
		all[p.ID] = p.Level
	}
	return all
}

func (s *shield) processes() (all []*child.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = append(all, s.redis)
	for _, e := range s.edges {
		all = append(all, e.Process)
	}
	return all
}

func (s *shield) isKilled(p *child.Process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.edges {
		if e.Process == p {
			return e.killed
		}
	}
	return false
}
