package packets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/lab"
)

// Available returns why a drill of packets cannot run here, and what to try.
func Available() error { return available(os.Geteuid()) }

func available(user int) error {
	if user != 0 {
		return hint.Errorf("sudo drill run packets, on a machine that you may test on",
			"running a drill of packets: only root may make network namespaces and load programs into the kernel")
	}
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			return hint.Errorf("apt-get install iproute2", "running a drill of packets: %w", err)
		}
	}
	if err := features.Available(); err != nil {
		return hint.Errorf("Linux 6.0 or later with BTF; `scrubd check` says what is missing", "running a drill of packets: %w", err)
	}
	return nil
}

// A yard is the network of a run, with the shops and what protects them.
type yard struct {
	*lab.Lab
	shops  []*openShop
	scrubd *child.Process // nil: none
}

// An openShop is a shop on the host.
type openShop struct {
	name  string
	addr  netip.AddrPort
	truth string // URL of what it has of orders, from outside of the namespaces
	close []func() error
}

// open makes the network, opens the shops and starts what protects them. Close the yard
// also after an error.
func open(ctx context.Context, o Options) (y *yard, err error) {
	if err := Available(); err != nil {
		return nil, err
	}
	network, err := lab.New()
	if err != nil {
		return nil, err
	}
	y = &yard{Lab: network}
	if err := y.narrow(ctx); err != nil {
		return y, err
	}
	for i := range o.Scenario.Shops {
		addr := lab.ShopNet4.Addr().As4()
		addr[3] = byte(10 * (i + 1))
		s, err := y.openShop(world.ConfigOf(&o.Scenario.Shops[i]), netip.AddrPortFrom(netip.AddrFrom4(addr), lab.ServedPort))
		if err != nil {
			return y, err
		}
		s.name = o.Scenario.Shops[i].Name
		y.shops = append(y.shops, s)
	}
	if o.Kind == world.Shield {
		return y, y.protect(ctx, o)
	}
	return y, nil
}

// The link behind the network card of the host: enough for some hundred customers. The queue
// before it holds three seconds, so customers who share it with an attack wait longer than
// they would: the generator sends in bursts, between which a short queue would have room for
// them that a real attack does not leave.
const (
	linkRate  = "2mbit"
	linkQueue = "750k"
)

// narrow bounds the rate of what reaches the host's stack, behind a scrubber, by tc. Only
// what leaves an interface can be shaped, so packets take a way around over another one.
func (y *yard) narrow(ctx context.Context) error {
	for _, line := range []string{
		"ip -n HOST link add narrow type ifb",
		"ip -n HOST link set narrow up",
		"tc -n HOST qdisc add dev narrow root tbf rate " + linkRate + " burst 16k limit " + linkQueue,
		"tc -n HOST qdisc add dev internet handle ffff: ingress",
		"tc -n HOST filter add dev internet parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev narrow",
	} {
		words := strings.Fields(strings.ReplaceAll(line, "HOST", y.Edge.Name))
		if out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("bounding the link of the shops by `%s`: %w: %s", line, err, out)
		}
	}
	return nil
}

func (y *yard) openShop(c demoshop.Config, addr netip.AddrPort) (*openShop, error) {
	shop, err := demoshop.New(c)
	if err != nil {
		return nil, err
	}
	s := &openShop{addr: addr, close: []func() error{func() error { shop.Close(); return nil }}}
	inside, err := y.Edge.Listen("tcp4", addr.String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a shop: %w", err), s.end())
	}
	outside, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a shop: %w", err), inside.Close(), s.end())
	}
	s.truth = "http://" + outside.Addr().String() + "/_truth"
	for _, l := range []net.Listener{inside, outside} {
		server := &http.Server{Handler: shop, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(l) }() // until it is closed
		s.close = append(s.close, server.Close)
	}
	return s, nil
}

func (s *openShop) end() error {
	var failed []error
	for _, end := range s.close {
		failed = append(failed, end())
	}
	return errors.Join(failed...)
}

// policy is what an operator writes for shops at a /24: their ports, and nothing else.
const policy = `interfaces: [internet]
policies:
  - name: shops
    protect: [%s]
    tcp: [%d]
daemon: {socket: %s, pins: %s, bans: {never_deny: []}}
`

// protect starts scrubd on the host.
func (y *yard) protect(ctx context.Context, o Options) error {
	pins, err := y.BPFFS()
	if err != nil {
		return err
	}
	config, socket := filepath.Join(o.Dir, "scrubd.yaml"), filepath.Join(o.Dir, "run", "s.sock")
	text := fmt.Sprintf(policy, lab.ShopNet4, lab.ServedPort, socket, filepath.Join(pins, "theriac"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the policy of scrubd: %w", err)
	}
	y.scrubd, err = child.Start(ctx, child.Command{
		Name: "scrubd", Dir: o.Dir, Path: "ip", Args: []string{"netns", "exec", y.Edge.Name, o.Scrubd, "run", "--config", config},
	})
	if err != nil {
		return err
	}
	late := time.After(startTimeout)
	for {
		if exec.CommandContext(ctx, o.Scrubd, "status", "--socket", socket).Run() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-y.scrubd.Done():
			return fmt.Errorf("starting scrubd: %w", y.scrubd.Ended())
		case <-late:
			return fmt.Errorf("starting scrubd: it does not answer after %s; it printed:\n%s", startTimeout, y.scrubd.Tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

const startTimeout = 20 * time.Second

// shop is the shop of a name that the scenario has.
func (y *yard) shop(name string) *openShop {
	for _, s := range y.shops {
		if s.name == name {
			return s
		}
	}
	return nil
}

// dial is the way of customers to a shop. Each has an address of its own, in the network
// of the lab's clients instead of loopback.
func (y *yard) dial(shop string) load.Dial {
	to := y.shop(shop).addr.String()
	return func(ctx context.Context, from netip.Addr) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, load.AnswerTimeout)
		defer cancel()
		loopback, addr := from.As4(), lab.BotNet4.Addr().As4()
		addr[2], addr[3] = loopback[1], loopback[2]
		return y.Client.Dial(ctx, netip.AddrPortFrom(netip.AddrFrom4(addr), 0), "tcp4", to)
	}
}

// close ends everything, the network last.
func (y *yard) close() error {
	if y == nil {
		return nil
	}
	if y.scrubd != nil {
		y.scrubd.Stop()
	}
	var failed []error
	for _, s := range y.shops {
		failed = append(failed, s.end())
	}
	return errors.Join(append(failed, y.Close())...)
}
