package need

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// DNSServer is a server of the DNS that knows a handful of names.
type DNSServer struct {
	Addr  string
	Asked atomic.Int64 // how many questions came
}

// DNS answers on loopback with records, each a line of a zone file such as
// "shop.example. A 192.0.2.1". "servfail" or "silence" after a name are how
// servers fail: with an error, or without a word.
func DNS(t testing.TB, records ...string) *DNSServer {
	t.Helper()
	zone, broken := make(map[string][]dns.RR), make(map[string]string)
	for _, line := range records {
		name, fault, _ := strings.Cut(line, " ")
		if fault == "servfail" || fault == "silence" {
			broken[name] = fault
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("reading the record %q: %v", line, err)
		}
		zone[rr.Header().Name] = append(zone[rr.Header().Name], rr)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("starting a DNS server: %v", err)
	}
	s := &DNSServer{Addr: conn.LocalAddr().String()}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		s.Asked.Add(1)
		name, kind := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
		answer := new(dns.Msg).SetReply(q)
		switch {
		case broken[name] == "silence":
			return
		case broken[name] == "servfail":
			answer.Rcode = dns.RcodeServerFailure
		case zone[name] == nil:
			answer.Rcode = dns.RcodeNameError
		}
		for _, rr := range zone[name] {
			if rr.Header().Rrtype == kind {
				answer.Answer = append(answer.Answer, rr)
			}
		}
		_ = w.WriteMsg(answer)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return s
}
