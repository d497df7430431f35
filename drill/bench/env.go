package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/shop"
)

// host is the Host that benches request.
const host = "loewen.localhost"

// An Env is the environment of benches: the edge's binary, a backend, and a
// directory for configurations and logs. Open it, and Close it in the end.
type Env struct {
	Rounds int           // a ratio is the median of so many
	Each   time.Duration // how long each side works in a round
	Log    io.Writer     // details of each bench

	bench string // which is running

	dir      string
	edge     string
	backend  *httptest.Server
	requests atomic.Int64 // that reached the backend
	fleet    func(context.Context) (fleetResult, error)
	passes   func(context.Context) (ns, allocs spread, err error)
	waf      func(context.Context, *wafRequest) (wafCost, error)
}

// Open builds the edge, unless edge names its binary, and starts the backend.
func (v *Env) Open(ctx context.Context, edge string) (err error) {
	if v.dir, err = os.MkdirTemp("", "theriac-drill-"); err != nil {
		return fmt.Errorf("creating a directory for the drill: %w", err)
	}
	if v.edge, err = child.EdgeBinary(ctx, edge, v.dir); err != nil {
		os.RemoveAll(v.dir)
		return err
	}
	page := []byte("<!doctype html>" + strings.Repeat("<p>Aspirin Plus C, 20 effervescent tablets</p>\n", 107)) // 5 KB
	v.backend = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // a body that is cut short does not matter
		w.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(page))}
		w.Write(page)
	}))
	// Several benches report different figures of one measurement.
	var fleet, passed sync.Once
	var result fleetResult
	var fleetErr, passErr error
	var ns, allocs spread
	v.fleet = func(ctx context.Context) (fleetResult, error) {
		fleet.Do(func() { result, fleetErr = runFleet(ctx, v) })
		return result, fleetErr
	}
	v.passes = func(ctx context.Context) (spread, spread, error) {
		passed.Do(func() { ns, allocs, passErr = passes(ctx, v) })
		return ns, allocs, passErr
	}
	costs, costErrs := make(map[string]wafCost), make(map[string]error)
	v.waf = func(ctx context.Context, r *wafRequest) (wafCost, error) {
		if _, known := costErrs[r.name]; !known {
			costs[r.name], costErrs[r.name] = runWAF(ctx, v, r)
		}
		return costs[r.name], costErrs[r.name]
	}
	return nil
}

// Close stops the backend and removes the directory.
func (v *Env) Close() {
	v.backend.Close()
	os.RemoveAll(v.dir)
}

// A side is one of two edges that are compared: the same binary, differently
// configured, doing the same work.
type side struct {
	name   string
	global string // lines of the Caddyfile's global block
	site   string // lines of the site; BACKEND stands for the backend's address
	env    []string
	level  shop.Level
	banned bool // all clients are

	// (optional) The request that a few clients send. Default: many clients
	// request the page of a product.
	request *wafRequest

	// check rejects an unexpected answer.
	check func(load.Answer) error
}

// An edge is a side that runs.
type edge struct {
	*child.Process
	side
	addr netip.AddrPort
}

// startEdge starts a side and waits until it accepts connections.
func (v *Env) startEdge(ctx context.Context, s side) (*edge, error) {
	addr, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	listen := netip.MustParseAddrPort(addr)
	admin := "off"
	if s.level != shop.Calm || s.banned {
		if admin, err = child.FreeAddr(); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf("{\n\tadmin %s\n\tpersist_config off\n\tauto_https off\n%s\n}\nhttp://%s:%d {\n\tbind 127.0.0.1\n%s\n}\n",
		admin, s.global, host, listen.Port(), strings.ReplaceAll(s.site, "BACKEND", v.backend.Listener.Addr().String()))
	name := v.bench + "-" + s.name
	file := filepath.Join(v.dir, name+".caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration of %s: %w", s.name, err)
	}
	env := append([]string{"XDG_CONFIG_HOME=" + v.dir, "XDG_DATA_HOME=" + v.dir}, s.env...)
	p, err := child.Start(ctx, child.Command{Name: name, Dir: v.dir, Env: env, Path: v.edge, Args: []string{"run", "--config", file, "--adapter", "caddyfile"}})
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, addr); err != nil {
		p.Stop()
		return nil, err
	}
	e := &edge{p, s, listen}
	if err := errors.Join(e.setLevel(ctx, admin), e.ban(ctx, admin)); err != nil {
		p.Stop()
		return nil, err
	}
	return e, nil
}

// pageClients is how many clients request the page of a bench, each at an address
// of its own, and inFlight how many of them wait for an answer at a time.
const (
	pageClients = 512
	inFlight    = 64
)

// load is the clients of the side, which send as fast as the edge answers.
func (e *edge) load() load.Load {
	if e.request != nil {
		return e.request.load(e)
	}
	by := load.NewClients(e.addr, load.FloodAddrs(pageClients), e.check)
	return load.Load{Clients: by, Targets: []vegeta.Target{load.Get(by, host, "/product/1")}, Rate: load.Unpaced, Workers: inFlight}
}
