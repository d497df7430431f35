package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/hint"

	"github.com/spf13/cobra"

	paths "github.com/theriac-edge/theriac/challenge/browser"
)

// A theft is how an attacker comes by a pass: a computer of his solves one
// challenge, and the whole flood carries what it got for that.
type theft struct{ target, host, agent, source string }

func passCommand() *cobra.Command {
	var p theft
	cmd := &cobra.Command{
		Use:   "pass",
		Short: "Solves a challenge without a browser and prints the pass, for a flood that carries it",
		Long: `Asks a shop on this machine for a challenge, solves it without a browser, and
prints the pass on stdout and how long that took on stderr. A pass is good for
requests with the same --agent.`,
		Example: `  drill flood --target http://127.0.0.1:8080 --host loewen.localhost \
    --cookie "$(drill pass --target http://127.0.0.1:8080 --host loewen.localhost)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.target, "target", "http://127.0.0.1:8080", "the edge; loopback only")
	flags.StringVar(&p.host, "host", "", "the Host to ask for; default: the target's")
	flags.StringVar(&p.agent, "agent", chrome, "the User-Agent that the pass is bound to")
	flags.StringVar(&p.source, "source", "", fmt.Sprintf("the loopback address that earns it; a flood's first is %s", floodAddr(0)))
	return cmd
}

func (p *theft) run(ctx context.Context, stdout, stderr io.Writer) error {
	u, target, err := loopback("target", p.target)
	if err != nil {
		return err
	}
	if p.host == "" {
		p.host = u.Host
	}
	dialer := net.Dialer{Timeout: answerTimeout}
	if p.source != "" {
		source, err := netip.ParseAddr(p.source)
		if err != nil || !source.IsLoopback() || source.Is4() != target.Addr().Is4() {
			return hint.Errorf(floodAddr(0).String(), "reading --source %q: it is no loopback address from which to reach %s", p.source, target)
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
	pass, err := earn(ctx, by, "http://"+target.String(), p.host, http.Header{"User-Agent": {p.agent}}, token)
	if err != nil {
		return fmt.Errorf("getting a pass of %s: %w", p.host, err)
	}
	fmt.Fprintf(stderr, "solved in %s\n", ms(time.Since(begun)))
	_, err = fmt.Fprintf(stdout, "%s=%s\n", pass.Name, pass.Value)
	return err
}

// ask gets a challenge, as the page does whose own one is too old.
func (p *theft) ask(ctx context.Context, by http.RoundTripper, base string) (token string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+paths.ChallengePath, nil)
	if err != nil {
		return "", fmt.Errorf("asking %s for a challenge: %w", p.host, err)
	}
	req.Host = p.host
	req.Header = http.Header{"User-Agent": {p.agent}, "Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return "", hint.Errorf("start it first, such as `go run ./cmd/theriac demo --level 2`", "asking %s for a challenge: %w", p.host, plain(err))
	}
	defer resp.Body.Close()
	var offer struct {
		Token string `json:"token"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1000)).Decode(&offer)
	if resp.StatusCode != http.StatusOK || err != nil || offer.Token == "" {
		return "", hint.Errorf("--host with the name of a shop behind `shield`", "asking %s for a challenge: %s is no answer with one", p.host, resp.Status)
	}
	return offer.Token, nil
}
