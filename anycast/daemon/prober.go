package daemon

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// A Prober checks one thing that an edge needs in order to serve. It never asks the store or a
// backend: what all edges share must not take all of them off the net.
type Prober interface {
	// Probe returns what is wrong, in words for an operator; nil: nothing.
	Probe(ctx context.Context) error
}

// probeTimeout is how long the edge may take.
const probeTimeout = 500 * time.Millisecond

func (h Health) probers() (all []Prober) {
	for _, addr := range h.Addresses {
		all = append(all, requestProber{addr, h.Host, h.Path})
	}
	if h.Link != "" {
		all = append(all, linkProber(h.Link))
	}
	if h.Scrubd != "" {
		all = append(all, scrubdProber(h.Scrubd))
	}
	return all
}

// probe asks all at once, and returns what is wrong with the first that fails, in their order.
func probe(ctx context.Context, probers []Prober) string {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answers := make([]chan error, len(probers))
	for i, p := range probers {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- p.Probe(ctx) }()
	}
	for _, answer := range answers {
		if err := <-answer; err != nil {
			return err.Error()
		}
	}
	return ""
}

// requestProber makes a TLS connection and a request through an address of the tier, as a
// client does.
type requestProber struct {
	addr       netip.AddrPort
	host, path string
}

func (p requestProber) Probe(ctx context.Context) error {
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true, Proxy: nil,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "tcp", p.addr.String())
			},
			// A certificate that has expired has at every edge: no reason to leave.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+p.host+p.path, nil)
	if err != nil {
		return fmt.Errorf("a request through %v: %w", p.addr, err)
	}
	response, err := client.Do(request)
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil { // without the URL
			err = inner
		}
		return fmt.Errorf("a request through %v: %w", p.addr, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("a request through %v: status %d", p.addr, response.StatusCode)
	}
	return nil
}

// linkProber wants an interface to be up and to have a carrier.
type linkProber string

func (p linkProber) Probe(context.Context) error {
	link, err := net.InterfaceByName(string(p))
	if err != nil {
		return fmt.Errorf("link %s: %w", string(p), err)
	}
	if link.Flags&net.FlagUp == 0 || link.Flags&net.FlagRunning == 0 {
		return fmt.Errorf("link %s: down", string(p))
	}
	return nil
}

// scrubdProber wants a scrubd to examine what arrives, by its socket. A scrubd that does not
// answer may be restarting: its dataplane goes on, so that says nothing.
type scrubdProber string

const maxScrubd = 8 << 20

func (p scrubdProber) Probe(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", string(p))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://scrubd/status", nil)
	if err != nil {
		return fmt.Errorf("scrubd: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	var status struct {
		Attached []struct {
			Interface string `json:"interface"`
			Missing   bool   `json:"missing"`
			Detached  bool   `json:"detached"`
			Refused   string `json:"refused"`
		} `json:"attached"`
	}
	if response.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(response.Body, maxScrubd)).Decode(&status) != nil {
		return nil
	}
	for _, a := range status.Attached {
		if a.Missing || a.Detached || a.Refused != "" {
			return fmt.Errorf("scrubd: not attached to %s", a.Interface)
		}
	}
	return nil
}
