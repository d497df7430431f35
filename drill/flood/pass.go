package flood

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	paths "github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/drill/load"
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
	token, err := p.ask(ctx, by, "http://"+target.String())
	if err != nil {
		return err
	}
	pass, err := earn(ctx, by, "http://"+target.String(), p.Host, http.Header{"User-Agent": {p.Agent}}, token)
	if err != nil {
		return fmt.Errorf("getting a pass of %s: %w", p.Host, err)
	}
	fmt.Fprintf(stderr, "solved in %s\n", ms(time.Since(begun)))
	_, err = fmt.Fprintf(stdout, "%s=%s\n", pass.Name, pass.Value)
	return err
}

// ask requests a challenge, as the page does when its own has expired.
func (p *Theft) ask(ctx context.Context, by http.RoundTripper, base string) (token string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+paths.ChallengePath, nil)
	if err != nil {
		return "", fmt.Errorf("requesting a challenge of %s: %w", p.Host, err)
	}
	req.Host = p.Host
	req.Header = http.Header{"User-Agent": {p.Agent}, "Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return "", hint.Errorf("start it first, such as `go run ./cmd/theriac demo --level 2`", "requesting a challenge of %s: %w", p.Host, load.WithoutAddrs(err))
	}
	defer resp.Body.Close()
	var offer struct {
		Token string `json:"token"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1000)).Decode(&offer)
	if resp.StatusCode != http.StatusOK || err != nil || offer.Token == "" {
		return "", hint.Errorf("--host with the name of a shop behind `shield`", "requesting a challenge of %s: the answer %s has none", p.Host, resp.Status)
	}
	return offer.Token, nil
}
