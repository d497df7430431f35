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

// Each question to the reverse DNS ends in one of these ways.
var (
	lookups = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_visit_reverse_dns_total",
		Help: "Addresses of alleged crawlers that were looked up, by outcome; dropped are those for which the queue was full.",
	}, []string{"outcome"})
	lookupVerified = lookups.WithLabelValues("verified")
	lookupRefuted  = lookups.WithLabelValues("refuted")
	lookupFailed   = lookups.WithLabelValues("failed") // no answer in time, or one that says nothing
	lookupDropped  = lookups.WithLabelValues("dropped")
)

// The bounds of what alleged crawlers can cost.
const (
	maxQuestions  = 256
	lookupWorkers = 4
	maxAnswers    = 65_536
	lookupTime    = 2 * time.Second
	maxNames      = 4 // of one address; a crawler has one
)

// How long an answer holds. A verified crawler is asked about again while it is
// still believed, so that it is never unknown in between.
const (
	verifiedFor = 24 * time.Hour
	staleFor    = time.Hour
	refutedFor  = time.Hour
	failedFor   = time.Minute
)

// question is whether an address belongs to one of the domains, which stand
// separated by spaces.
type question struct {
	addr    netip.Addr
	domains unique.Handle[string]
}

// answer is what is known. The zero value is: nothing.
type answer struct {
	refuted  bool
	verified time.Time // believed until then
	again    time.Time // to be asked again from then on
}

// reverse confirms addresses by reverse DNS, beside the path: a request finds
// an answer or leaves a question. One is shared by all shops with the same
// resolver.
type reverse struct {
	resolver  *net.Resolver
	answers   *otter.Cache[question, answer]
	questions chan question
	stop      context.CancelFunc
	workers   sync.WaitGroup

	mu    sync.Mutex
	asked map[netip.Prefix]struct{} // the neighbourhoods with a question under way
}

// reverses are those in use, by the address of their resolver.
var reverses = caddy.NewUsagePool()

// shareReverse finds the one for the resolver, or starts it. An empty address
// means the resolvers of the system.
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

// Destruct ends the workers and waits for them.
func (v *reverse) Destruct() error {
	v.stop()
	v.workers.Wait()
	return nil
}

// known is the answer, if there is one.
func (v *reverse) known(q question) answer {
	a, _ := v.answers.GetIfPresent(q)
	return a
}

// verified reports whether the address is known to belong to the domains, and
// has it looked up if that is due. It never waits.
func (v *reverse) verified(q question, now time.Time) bool {
	a := v.known(q)
	if !now.Before(a.again) {
		v.ask(q)
	}
	return now.Before(a.verified)
}

// ask leaves a question. A neighbourhood has one under way at a time, so that
// the addresses of one network cannot fill the queue.
func (v *reverse) ask(q question) {
	around := neighbours(q.addr)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, waiting := v.asked[around]; waiting {
		return
	}
	select {
	case v.questions <- q:
		v.asked[around] = struct{}{}
	default:
		lookupDropped.Inc()
	}
}

func neighbours(addr netip.Addr) netip.Prefix {
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	around, _ := addr.Prefix(bits)
	return around
}

func (v *reverse) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-v.questions:
			belongs, err := v.lookUp(ctx, q)
			v.learn(q, belongs, err, time.Now())
			v.mu.Lock()
			delete(v.asked, neighbours(q.addr))
			v.mu.Unlock()
		}
	}
}

// learn keeps an answer. A look-up that failed takes nothing back.
func (v *reverse) learn(q question, belongs bool, err error, now time.Time) {
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

// lookUp asks for the address's names, and whether one that lies in the domains
// has the address. Whoever owns an address can give it any name; only the
// domain's owner can confirm it.
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
			continue // and no question goes where a stranger wants it
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

// inDomains reports whether the name, which ends in a dot, lies below one of
// the domains.
func inDomains(name string, domains []string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, domain := range domains {
		if rest, ok := strings.CutSuffix(name, domain); ok && strings.HasSuffix(rest, ".") {
			return true
		}
	}
	return false
}

// unlessNone takes the answer that there is no such name for an answer.
func unlessNone(err error) error {
	if none, ok := errors.AsType[*net.DNSError](err); ok && none.IsNotFound {
		return nil
	}
	return err
}
