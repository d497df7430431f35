package gate

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

// TestUsePassed: which sockets of the service manager a server listens on.
func TestUsePassed(t *testing.T) {
	at := func(network string, fd int, addr string) passedSocket {
		return passedSocket{network, fd, netip.MustParseAddrPort(addr)}
	}
	http, https, quic := at("fd", 3, "[::]:80"), at("fd", 4, "[::]:443"), at("fdgram", 5, "[::]:443")
	all := []passedSocket{http, https, quic}
	for name, c := range map[string]struct {
		listen string
		tls    bool
		passed []passedSocket
		want   []string
	}{
		"nothing is passed":                       {":443", true, nil, []string{":443 h1 h2 h3"}},
		"HTTPS":                                   {":443", true, all, []string{"fd/4 h1 h2", "fdgram/5 h3"}},
		"HTTP has no HTTP/3":                      {":80", false, all, []string{"fd/3 h1 h2"}},
		"no socket for UDP":                       {":443", true, all[:2], []string{"udp/:443 h3", "fd/4 h1 h2"}},
		"only one for UDP":                        {":443", true, all[2:], []string{":443 h1 h2", "fdgram/5 h3"}},
		"another port":                            {":8443", true, all, []string{":8443 h1 h2 h3"}},
		"another address than the wildcard":       {"127.0.0.1:443", true, all, []string{"127.0.0.1:443 h1 h2 h3"}},
		"both wildcards":                          {"0.0.0.0:443", true, all, []string{"fd/4 h1 h2", "fdgram/5 h3"}},
		"an address of its own":                   {"192.0.2.7:443", true, []passedSocket{at("fd", 3, "192.0.2.7:443")}, []string{"udp/192.0.2.7:443 h3", "fd/3 h1 h2"}},
		"the sockets of IPv4 and IPv6":            {":443", true, []passedSocket{at("fd", 3, "0.0.0.0:443"), at("fd", 4, "[::]:443"), quic}, []string{"fd/3 h1 h2", "fd/4 h1 h2", "fdgram/5 h3"}},
		"what the Caddyfile binds by itself":      {"fd/4", true, all, []string{"fd/4 h1 h2 h3"}},
		"a unix socket":                           {"unix//run/edge.sock", true, all, []string{"unix//run/edge.sock h1 h2 h3"}},
		"one server for both ports, as JSON only": {":80", true, all, []string{":80 h1 h2 h3"}},
	} {
		server := &caddyhttp.Server{Listen: []string{c.listen}, Protocols: []string{"h1", "h2", "h3"}}
		if c.tls {
			server.TLSConnPolicies = caddytls.ConnectionPolicies{new(caddytls.ConnectionPolicy)}
		}
		for range 2 { // once for each gate of the server
			usePassed(server, c.passed)
		}
		var got []string
		for i, address := range server.Listen {
			spoken := server.Protocols
			if server.ListenProtocols != nil {
				spoken = server.ListenProtocols[i]
			}
			for _, p := range spoken {
				address += " " + p
			}
			got = append(got, address)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestNothingIsAcceptedBeforeTheStart: connections wait in the queue until the configuration
// has started, and a listener that is closed before gives up.
func TestNothingIsAcceptedBeforeTheStart(t *testing.T) {
	for _, starts := range []bool{true, false} {
		g := newGate(t, func(*Gate) {})
		g.started = make(chan struct{})
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := g.WrapListener(tcp)
		defer l.Close()
		client, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		accepted := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				conn.Close()
			}
			accepted <- err
		}()
		select {
		case err := <-accepted:
			t.Fatalf("before the start a connection is accepted: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		if starts {
			close(g.started)
		} else {
			l.Close()
		}
		if err := <-accepted; (err == nil) != starts {
			t.Errorf("started: %t, then: %v", starts, err)
		}
	}
}
