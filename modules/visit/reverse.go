package visit

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unique"

	"github.com/caddyserver/caddy/v2"
	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Each reverse DNS look-up is counted once by its outcome.
var (
	lookups = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_visit_reverse_dns_total",
		Help: "Reverse DNS look-ups of addresses that claim to be a crawler, by outcome: verified, refuted, failed or dropped (the queue was full).",
	}, []string{"outcome"})
	lookupVerified = lookups.WithLabelValues("verified")
	lookupRefuted  = lookups.WithLabelValues("refuted")
	lookupFailed   = lookups.WithLabelValues("failed") // no answer in time, or a useless one
	lookupDropped  = lookups.WithLabelValues("dropped")
)

// Bounds on what requests that claim to be crawlers can cost.
const (
	maxQuestions  = 256
	lookupWorkers = 4
	maxAnswers    = 65_536
	lookupTime    = 2 * time.Second
	maxNames      = 4 // PTR records of one address; a crawler has one
)

// How long an answer is cached. A verified address is looked up again while it is still
// valid, so that it is never unknown in between.
const (
	verifiedFor = 24 * time.Hour
	staleFor    = time.Hour
	refutedFor  = time.Hour
	failedFor   = time.Minute
)

// question is whether an address belongs to one of the domains, which are separated by
// spaces.
type question struct {
	addr    netip.Addr
	domains unique.Handle[string]
}

// answer is a cached answer. The zero value means unknown.
type answer struct {
	refuted  bool
	verified time.Time // valid until then
	again    time.Time // looked up again from then on
}

// reverse confirms addresses by reverse DNS in the background: a request finds an answer
// or queues a question. All shops with the same resolver share one.
type reverse struct {
	resolver  *net.Resolver
	answers   *otter.Cache[question, answer]
	questions chan question
	stop      context.CancelFunc
	workers   sync.WaitGroup

	mu    sync.Mutex
	asked map[netip.Prefix]struct{} // subnets (/24, /48) with a look-up in progress
}

// reverses are those in use, by resolver address.
var reverses = caddy.NewUsagePool()

// shareReverse returns the one for the resolver, or starts it. An empty address means the
// system's resolvers.
func shareReverse(resolver string) (*reverse, func() error) {
	found, _, _ := reverses.LoadOrNew(resolver, func() (caddy.Destructor, error) {
		return newReverse(resolver), nil
	})
	return found.(*reverse), func() error {
		_, err := reverses.Delete(resolver)
		return err
	}
}

func newReverse(resolver string) *reverse {
	v := &reverse{
		resolver:  &net.Resolver{PreferGo: true}, // the C library's look-ups cannot be given up
		answers:   otter.Must(&otter.Options[question, answer]{MaximumSize: maxAnswers}),
		questions: make(chan question, maxQuestions),
		asked:     make(map[netip.Prefix]struct{}),
	}
	if resolver != "" {
		v.resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, resolver)
		}
	}
	var ctx context.Context
	ctx, v.stop = context.WithCancel(context.Background())
	for range lookupWorkers {
		v.workers.Go(func() { v.work(ctx) })
	}
	return v
}

// Destruct stops the workers and waits for them.
func (v *reverse) Destruct() error {
	v.stop()
	v.workers.Wait()
	return nil
}

// known returns the cached answer, if there is one.
func (v *reverse) known(q question) answer {
	a, _ := v.answers.GetIfPresent(q)
	return a
}

// verified reports whether the address is known to belong to the domains, and queues a
// look-up if one is due. It never waits.
func (v *reverse) verified(q question, now time.Time) bool {
	a := v.known(q)
	if !now.Before(a.again) {
		v.enqueue(q)
	}
	return now.Before(a.verified)
}

// enqueue queues a question. A subnet has one look-up in progress at a time, so that the
// addresses of one network cannot fill the queue.
func (v *reverse) enqueue(q question) {
	subnet := subnetOf(q.addr)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, waiting := v.asked[subnet]; waiting {
		return
	}
	select {
	case v.questions <- q:
		v.asked[subnet] = struct{}{}
	default:
		lookupDropped.Inc()
	}
}

// subnetOf returns the /24 or /48 of an address.
func subnetOf(addr netip.Addr) netip.Prefix {
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	subnet, _ := addr.Prefix(bits)
	return subnet
}

func (v *reverse) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-v.questions:
			belongs, err := v.lookUp(ctx, q)
			v.store(q, belongs, err, time.Now())
			v.mu.Lock()
			delete(v.asked, subnetOf(q.addr))
			v.mu.Unlock()
		}
	}
}

// store caches an answer. A failed look-up does not revoke an earlier answer.
func (v *reverse) store(q question, belongs bool, err error, now time.Time) {
	a := v.known(q)
	switch {
	case err != nil:
		lookupFailed.Inc()
		a.again = now.Add(failedFor)
	case belongs:
		lookupVerified.Inc()
		a = answer{verified: now.Add(verifiedFor + staleFor), again: now.Add(verifiedFor)}
	default:
		lookupRefuted.Inc()
		a = answer{refuted: true, again: now.Add(refutedFor)}
	}
	v.answers.Set(q, a)
}

// lookUp looks up the address's names, and whether one that is in the domains resolves to
// the address. The owner of an address can give it any name; only the owner of the domain
// can confirm it.
func (v *reverse) lookUp(ctx context.Context, q question) (belongs bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	names, err := v.resolver.LookupAddr(ctx, q.addr.String())
	if len(names) == 0 {
		return false, unlessNone(err)
	}
	domains := strings.Fields(q.domains.Value())
	err = nil
	for _, name := range names[:min(len(names), maxNames)] {
		if !inDomains(name, domains) {
			continue // so that no query goes to a server of a stranger's choice
		}
		addrs, failed := v.resolver.LookupNetIP(ctx, "ip", name)
		for _, addr := range addrs {
			if addr.Unmap() == q.addr {
				return true, nil
			}
		}
		err = errors.Join(err, unlessNone(failed))
	}
	return false, err
}

// inDomains reports whether the name, which ends in a dot, is a subdomain of one of the
// domains.
func inDomains(name string, domains []string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, domain := range domains {
		if rest, ok := strings.CutSuffix(name, domain); ok && strings.HasSuffix(rest, ".") {
			return true
		}
	}
	return false
}

// unlessNone returns nil for NXDOMAIN, which is an answer.
func unlessNone(err error) error {
	if none, ok := errors.AsType[*net.DNSError](err); ok && none.IsNotFound {
		return nil
	}
	return err
}
