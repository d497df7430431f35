package visit

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unique"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/net/publicsuffix"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/metric"
)

// crawler verifies that a partner is a crawler. All shops share its parts.
type crawler struct {
	ranges  []*ranges
	agent   []string // in lower case
	reverse *reverse
	domains unique.Handle[string]
	signers *signers
	agreed  func(time.Time) time.Time // the time that all edges agree on
	release []func() error
}

// maxAgent is how many bytes of a User-Agent are searched.
const maxAgent = 512

// minAgent keeps a stray letter from matching every browser.
const minAgent = 3

func (p *Partner) provisionCrawler(ctx caddy.Context) error {
	if len(p.Ranges) == 0 && len(p.ReverseDNS) == 0 && p.SignedBy == "" && len(p.Agent) == 0 {
		return nil
	}
	if err := metric.Register(ctx.GetMetricsRegistry(), ages{}, lookups, signatures); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	c := &p.crawler
	for _, agent := range p.Agent {
		c.agent = append(c.agent, strings.ToLower(agent))
	}
	for _, path := range p.Ranges {
		found, release, err := share("ranges", path, openRanges)
		if err != nil {
			return fmt.Errorf("ranges: %w", err)
		}
		c.ranges, c.release = append(c.ranges, found), append(c.release, release)
	}
	if p.SignedBy != "" {
		found, release, err := share("keys", p.SignedBy, openSigners)
		if err != nil {
			return fmt.Errorf("signed_by: %w", err)
		}
		c.signers, c.release = found, append(c.release, release)
	}
	if len(p.ReverseDNS) > 0 {
		found, release := shareReverse(p.Resolver)
		c.reverse, c.release = found, append(c.release, release)
		c.domains = unique.Make(strings.ToLower(strings.Join(p.ReverseDNS, " ")))
	}
	return nil
}

// isCrawler reports whether the partner is one by a name that is verified: a host's, a signer's,
// or a User-Agent from published addresses. Payment providers have none of these, and partners
// with a secret are the shop's own.
func (p *Partner) isCrawler() bool {
	named := len(p.ReverseDNS) > 0 || p.SignedBy != "" || len(p.Ranges) > 0 && len(p.Agent) > 0
	return named && p.Header == nil && p.ClientCertificate == ""
}

// validateCrawler refuses proofs that any client could give.
func (p *Partner) validateCrawler() error {
	for _, agent := range p.Agent {
		if len(agent) < minAgent {
			return fmt.Errorf("invalid agent %q: with fewer than %d letters it would match every browser's User-Agent", agent, minAgent)
		}
	}
	if len(p.ReverseDNS) > 0 && len(p.Agent) == 0 {
		return errors.New("reverse_dns needs agent: only addresses whose User-Agent has one of its values are looked up")
	}
	for _, domain := range p.ReverseDNS {
		suffix, _ := publicsuffix.PublicSuffix(strings.ToLower(domain))
		if suffix == strings.ToLower(domain) || strings.Trim(domain, ".") != domain || strings.ContainsAny(domain, "*/ \t\n") {
			return fmt.Errorf("invalid domain %q in reverse_dns: want a domain of one owner, such as googlebot.com, without a leading or trailing dot or star", domain)
		}
	}
	if p.Resolver == "" {
		return nil
	}
	if len(p.ReverseDNS) == 0 {
		return errors.New("resolver needs reverse_dns")
	}
	if host, port, err := net.SplitHostPort(p.Resolver); err != nil || host == "" || port == "" {
		return fmt.Errorf("invalid resolver %q: want an address with a port, such as 127.0.0.1:53", p.Resolver)
	}
	return nil
}

// Cleanup releases what is shared with other shops; the last shop closes it.
func (h *Handler) Cleanup() error {
	var err error
	for _, p := range h.Partners {
		for _, release := range p.crawler.release {
			err = errors.Join(err, release())
		}
		p.crawler.release = nil
	}
	return err
}

// inRanges reports whether the address is in one of the published ranges, or none are
// configured.
func (c *crawler) inRanges(addr netip.Addr) bool {
	for _, r := range c.ranges {
		if addr.IsValid() && r.content().Contains(addr) {
			return true
		}
	}
	return len(c.ranges) == 0
}

// claims reports whether the User-Agent is that of the crawler.
func (c *crawler) claims(r *http.Request) bool {
	if len(c.agent) == 0 {
		return true
	}
	lines := r.Header["User-Agent"]
	if len(lines) == 0 {
		return false
	}
	agent := lines[0][:min(len(lines[0]), maxAgent)]
	for _, name := range c.agent {
		if containsFold(agent, name) {
			return true
		}
	}
	return false
}

// containsFold finds a lower-case substring in any case, without copying the text.
func containsFold(text, lower string) bool {
	for i := 0; i+len(lower) <= len(text); i++ {
		if text[i]|0x20 == lower[0]|0x20 && strings.EqualFold(text[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}

// signatureOK verifies the signature, if one is configured.
func (c *crawler) signatureOK(r *http.Request, addr netip.Addr) bool {
	if c.signers == nil {
		return true
	}
	now := time.Now()
	return len(r.Header["Signature-Input"]) > 0 && c.signers.signed(r, addr, now, c.agreed(now))
}

// nameOK comes last: a request that fails an earlier proof causes no look-up.
func (c *crawler) nameOK(addr netip.Addr) bool {
	return c.reverse == nil || addr.IsValid() && c.reverse.verified(question{addr, c.domains}, time.Now())
}

// isVerified reports whether reverse DNS has verified the address.
func (c *crawler) isVerified(addr netip.Addr, now time.Time) bool {
	return c.reverse != nil && now.Before(c.reverse.known(question{addr, c.domains}).verified)
}

// explain reports what is known of the address, without a look-up.
func (c *crawler) explain(p *Partner, client shield.Client) (facts []shield.Fact) {
	fact := func(says string) {
		facts = append(facts, shield.Fact{Stage: "visit", Rule: "partner " + p.Name, Says: says})
	}
	if len(c.ranges) > 0 && c.inRanges(client.Addr) {
		fact("the address is in the published ranges" + p.budget())
	}
	if c.reverse == nil {
		return facts
	}
	known := c.reverse.known(question{client.Addr, c.domains})
	switch {
	case client.Now.Before(known.verified):
		fact("reverse DNS verified" + p.budget())
	case known.refuted:
		fact("reverse DNS refuted: the address is not the crawler's; next look-up after " + known.again.UTC().Format(time.DateTime) + " UTC")
	case !known.again.IsZero():
		fact("reverse DNS gave no answer; next look-up after " + known.again.UTC().Format(time.DateTime) + " UTC")
	default:
		fact("reverse DNS not looked up yet: that happens when the User-Agent of a request has " + strings.Join(p.Agent, " or "))
	}
	return facts
}

// Interface guards.
var _ caddy.CleanerUpper = (*Handler)(nil)
