package gate

import (
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// passedSocket is a socket that the service manager has opened and passed to this process,
// as systemd does for the .socket unit of a service. It belongs to the service manager, so
// it queues connections while the edge restarts, and is never closed by a reload.
type passedSocket struct {
	network string // fd for TCP, fdgram for UDP: Caddy's names
	fd      int
	at      netip.AddrPort
}

func (s passedSocket) String() string { return s.network + "/" + strconv.Itoa(s.fd) }

// listened are the passed sockets that a server has listened on.
var listened sync.Map

// warnOfUnused runs once, when the first configuration has started.
var warnOfUnused sync.Once

// warnUnused warns of sockets on which nobody listens: the kernel completes connections to
// them, and clients wait without end.
func (c *core) warnUnused() {
	warnOfUnused.Do(func() {
		for _, s := range passedSockets() {
			if _, ok := listened.Load(s); !ok {
				c.log.Error("the service manager passed a socket on which no server listens: its clients wait without end; "+
					"give the Caddyfile a server with shop_gate at this port, or remove it from theriac.socket", zap.Stringer("at", s.at))
			}
		}
	})
}

// serves reports whether the socket serves a configured address. An address without a host
// is served by every socket with its port.
func (s passedSocket) serves(address caddy.NetworkAddress) bool {
	if address.PortRangeSize() != 1 || uint(s.at.Port()) != address.StartPort {
		return false
	}
	host, err := netip.ParseAddr(address.Host)
	return address.Host == "" || err == nil && (host == s.at.Addr() || host.IsUnspecified() && s.at.Addr().IsUnspecified())
}

// usePassed makes a server that is being provisioned listen on the sockets that were
// passed for its addresses, and returns those. Caddy can do that by itself, with
// `bind fd/3`. But then it does not know the port any more: it makes no redirects to HTTPS,
// and its ACME solver accepts customers' connections from the same socket.
func usePassed(server *caddyhttp.Server, passed []passedSocket) (used []passedSocket) {
	var listen []string
	var protocols [][]string
	add := func(address string, spoken []string) {
		if len(spoken) > 0 {
			listen, protocols = append(listen, address), append(protocols, spoken)
		}
	}
	for i, text := range server.Listen {
		spoken := server.Protocols
		if i < len(server.ListenProtocols) && server.ListenProtocols[i] != nil {
			spoken = server.ListenProtocols[i]
		}
		tcp, udp := passedFor(server, text, passed)
		used = append(append(used, tcp...), udp...)
		overTCP := slices.DeleteFunc(slices.Clone(spoken), func(p string) bool { return p == "h3" })
		overUDP := slices.DeleteFunc(slices.Clone(spoken), func(p string) bool { return p != "h3" })
		switch {
		case len(tcp) == 0 && len(udp) == 0:
			add(text, spoken)
			continue
		case len(tcp) == 0:
			add(text, overTCP)
		case len(udp) == 0 && len(server.TLSConnPolicies) > 0:
			add(quicAddress(text), overUDP)
		}
		for _, s := range tcp {
			add(s.String(), overTCP)
		}
		for _, s := range udp {
			add(s.String(), overUDP)
		}
	}
	if len(used) > 0 {
		server.Listen, server.ListenProtocols = listen, protocols
	}
	return used
}

// passedFor returns the sockets for one address of a server.
func passedFor(server *caddyhttp.Server, text string, passed []passedSocket) (tcp, udp []passedSocket) {
	address, err := caddy.ParseNetworkAddress(text)
	if err != nil {
		return nil, nil // Caddy reports it
	}
	if address.StartPort == caddyhttp.DefaultHTTPPort && len(server.TLSConnPolicies) > 0 {
		return nil, nil // one server for both ports: Caddy knows by the port where there is no TLS
	}
	for _, s := range passed {
		switch {
		case !s.serves(address):
		case s.network == "fd" && (address.Network == "tcp" || address.Network == "tcp4" || address.Network == "tcp6"):
			tcp = append(tcp, s)
		case s.network == "fdgram" && len(server.TLSConnPolicies) > 0:
			udp = append(udp, s)
		}
	}
	return tcp, udp
}

// quicAddress returns the address at which only HTTP/3 is served.
func quicAddress(text string) string {
	address, err := caddy.ParseNetworkAddress(text)
	if err != nil {
		return text
	}
	address.Network = "udp" + address.Network[len("tcp"):]
	return address.String()
}
