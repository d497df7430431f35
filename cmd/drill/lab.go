package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/hint"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/shop"
)

// host is the shop that benches ask for.
const host = "loewen.localhost"

// A lab is where benches run: the edge's binary, a backend, a folder for
// configurations and logs, and somebody to tell.
type lab struct {
	rounds int
	each   time.Duration
	log    io.Writer
	bench  string // which is running

	dir     string
	edge    string
	backend *httptest.Server
	asked   atomic.Int64 // requests that reached the backend
	fleet   func(context.Context) (fleetResult, error)
	passes  func(context.Context) (ns, allocs spread, err error)
	waf     func(context.Context, *wafRequest) (wafCost, error)
}

// open builds the edge, unless there is one, and starts the backend.
func (l *lab) open(ctx context.Context, edge string) (err error) {
	if l.dir, err = os.MkdirTemp("", "theriac-drill-"); err != nil {
		return fmt.Errorf("making a folder for the drill: %w", err)
	}
	if l.edge, err = edgeBinary(ctx, edge, l.dir); err != nil {
		os.RemoveAll(l.dir)
		return err
	}
	page := []byte("<!doctype html>" + strings.Repeat("<p>Aspirin Plus C, 20 effervescent tablets</p>\n", 107)) // 5 KB
	l.backend = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // one that breaks off is not asked about
		w.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(page))}
		w.Write(page)
	}))
	// Two lines each are about one measurement, and three are about one request.
	var fleet, passed sync.Once
	var result fleetResult
	var fleetErr, passErr error
	var ns, allocs spread
	l.fleet = func(ctx context.Context) (fleetResult, error) {
		fleet.Do(func() { result, fleetErr = runFleet(ctx, l) })
		return result, fleetErr
	}
	l.passes = func(ctx context.Context) (spread, spread, error) {
		passed.Do(func() { ns, allocs, passErr = passes(ctx, l) })
		return ns, allocs, passErr
	}
	costs, costErrs := make(map[string]wafCost), make(map[string]error)
	l.waf = func(ctx context.Context, r *wafRequest) (wafCost, error) {
		if _, known := costErrs[r.name]; !known {
			costs[r.name], costErrs[r.name] = runWAF(ctx, l, r)
		}
		return costs[r.name], costErrs[r.name]
	}
	return nil
}

func (l *lab) close() {
	l.backend.Close()
	os.RemoveAll(l.dir)
}

// edgeBinary is the edge to start: the one given, or a fresh build.
func edgeBinary(ctx context.Context, given, dir string) (string, error) {
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("finding the edge: %w", err)
		}
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "theriac")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/theriac-edge/theriac/cmd/theriac")
	var out bytes.Buffer
	build.Stdout, build.Stderr = &out, &out
	if err := build.Run(); err != nil {
		return "", hint.Errorf("run it in the repository, or give a binary with --edge",
			"building the edge: %w\n%s", err, bytes.TrimSpace(out.Bytes()))
	}
	return path, nil
}

// A side is one of two edges that are compared: the same binary, differently
// configured, doing the same work.
type side struct {
	name   string
	global string // lines of the Caddyfile's global block
	site   string // lines of the site; BACKEND stands for the backend's address
	env    []string
	level  shop.Level

	// (optional) asks is what a few clients send. Default: the crowd asks for
	// the page of a product.
	asks *wafRequest

	// check says what is wrong with an answer.
	check func(answer) error
}

// An edge is a side that runs.
type edge struct {
	*process
	side
	addr netip.AddrPort
}

// startEdge starts a side and waits until it accepts connections.
func (l *lab) startEdge(ctx context.Context, s side) (*edge, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	listen := netip.MustParseAddrPort(addr)
	admin := "off"
	if s.level != shop.Calm {
		if admin, err = freeAddr(); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf("{\n\tadmin %s\n\tpersist_config off\n\tauto_https off\n%s\n}\nhttp://%s:%d {\n\tbind 127.0.0.1\n%s\n}\n",
		admin, s.global, host, listen.Port(), strings.ReplaceAll(s.site, "BACKEND", l.backend.Listener.Addr().String()))
	name := l.bench + "-" + s.name
	file := filepath.Join(l.dir, name+".caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration of %s: %w", s.name, err)
	}
	env := append([]string{"XDG_CONFIG_HOME=" + l.dir, "XDG_DATA_HOME=" + l.dir}, s.env...)
	p, err := start(ctx, l.dir, name, env, l.edge, "run", "--config", file, "--adapter", "caddyfile")
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx, addr); err != nil {
		p.stop()
		return nil, err
	}
	e := &edge{p, s, listen}
	if err := e.raise(ctx, admin); err != nil {
		p.stop()
		return nil, err
	}
	return e, nil
}

// crowd is how many clients ask for the page of a bench, each at an address
// of its own, and inFlight how many of them wait for an answer at a time.
const (
	crowd    = 512
	inFlight = 64
)

// load is the clients of the side asking as fast as the edge answers.
func (e *edge) load() load {
	if e.asks != nil {
		return e.asks.load(e)
	}
	by := newSources(e.addr, floodFrom(crowd), e.check)
	return load{by: by, targets: []vegeta.Target{get(by, host, "/product/1")}, rate: unpaced, workers: inFlight}
}
