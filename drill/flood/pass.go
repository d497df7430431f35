package flood

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/solver"
	"github.com/theriac-edge/theriac/hint"
)

// Theft is how an attacker obtains a pass: one computer solves one challenge, and
// all clients of the flood carry the pass. Errors about its fields name the
// flags of `drill pass`.
type Theft struct {
	Target string // base URL of the edge
	Host   string // default: that of Target
	Agent  string // the User-Agent that the pass is bound to
	Source string // the loopback address that earns it; default: any
}

// Run writes the pass to stdout, as name=value, and how long the challenge took
// to stderr.
func (p *Theft) Run(ctx context.Context, stdout, stderr io.Writer) error {
	u, target, err := load.Loopback("target", p.Target)
	if err != nil {
		return err
	}
	if p.Host == "" {
		p.Host = u.Host
	}
	dialer := net.Dialer{Timeout: load.AnswerTimeout}
	if p.Source != "" {
		source, err := netip.ParseAddr(p.Source)
		if err != nil || !source.IsLoopback() || source.Is4() != target.Addr().Is4() {
			return hint.Errorf(load.FloodAddr(0).String(), "reading --source %q: it is not a loopback address from which %s can be reached", p.Source, target)
		}
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	by := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", target.String())
	}}
	defer by.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	begun := time.Now()
	token, err := solver.Ask(ctx, by, "http://"+target.String(), p.Host, p.Agent)
	if err != nil {
		return err
	}
	pass, err := solver.Earn(ctx, by, "http://"+target.String(), p.Host, http.Header{"User-Agent": {p.Agent}}, token)
	if err != nil {
		return fmt.Errorf("getting a pass of %s: %w", p.Host, err)
	}
	fmt.Fprintf(stderr, "solved in %s\n", ms(time.Since(begun)))
	_, err = fmt.Fprintf(stdout, "%s=%s\n", pass.Name, pass.Value)
	return err
}
