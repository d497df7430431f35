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
)

// crawler is what proves a partner to be a crawler: parts that it shares with
// the other shops.
type crawler struct {
	ranges  []*ranges
	agent   []string // in lower case
	reverse *reverse
	domains unique.Handle[string]
	signers *signers
	release []func() error
}

// maxAgent is how much of a User-Agent is looked at.
const maxAgent = 512

// minAgent keeps a stray letter from claiming for everybody.
const minAgent = 3

func (p *Partner) provisionCrawler(ctx caddy.Context) error {
	if len(p.Ranges) == 0 && len(p.ReverseDNS) == 0 && p.SignedBy == "" && len(p.Agent) == 0 {
		return nil
	}
	if err := shield.Register(ctx.GetMetricsRegistry(), ages{}, lookups, signatures); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	c := &p.crawler
	for _, word := range p.Agent {
		c.agent = append(c.agent, strings.ToLower(word))
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

// validateCrawler refuses proofs that anybody could give.
func (p *Partner) validateCrawler() error {
	for _, word := range p.Agent {
		if len(word) < minAgent {
			return fmt.Errorf("agent %q is shorter than %d letters: it would be found in every browser's User-Agent", word, minAgent)
		}
	}
	if len(p.ReverseDNS) > 0 && len(p.Agent) == 0 {
		return errors.New("reverse_dns needs to know whose addresses to look up; add agent <word>, which the crawler has in its User-Agent")
	}
	for _, domain := range p.ReverseDNS {
		suffix, _ := publicsuffix.PublicSuffix(strings.ToLower(domain))
		if suffix == strings.ToLower(domain) || strings.Trim(domain, ".") != domain || strings.ContainsAny(domain, "*/ \t\n") {
			return fmt.Errorf("reverse_dns: %q is no domain of one owner; write it as googlebot.com, without a dot or star at its ends", domain)
		}
	}
	if p.Resolver == "" {
		return nil
	}
	if len(p.ReverseDNS) == 0 {
		return errors.New("resolver is of no use without reverse_dns")
	}
	if host, port, err := net.SplitHostPort(p.Resolver); err != nil || host == "" || port == "" {
		return fmt.Errorf("resolver must be an address with a port, such as 127.0.0.1:53, not %q", p.Resolver)
	}
	return nil
}

// Cleanup gives back what is shared with other shops; the last one closes it.
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

// has reports whether the address is in one of the published ranges; if none
// are asked for, every address is.
func (c *crawler) has(addr netip.Addr) bool {
	for _, r := range c.ranges {
		if addr.IsValid() && r.content().Contains(addr) {
			return true
		}
	}
	return len(c.ranges) == 0
}

// claims reports whether the User-Agent says that this is the crawler.
func (c *crawler) claims(r *http.Request) bool {
	if len(c.agent) == 0 {
		return true
	}
	lines := r.Header["User-Agent"]
	if len(lines) == 0 {
		return false
	}
	agent := lines[0][:min(len(lines[0]), maxAgent)]
	for _, word := range c.agent {
		if containsFold(agent, word) {
			return true
		}
	}
	return false
}

// containsFold finds a word in lower case, without a copy of the text.
func containsFold(text, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0]|0x20 && strings.EqualFold(text[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// provesSigned checks the signature, if one is asked for.
func (c *crawler) provesSigned(r *http.Request, addr netip.Addr) bool {
	return c.signers == nil || len(r.Header["Signature-Input"]) > 0 && c.signers.signed(r, addr, time.Now())
}

// provesName comes last: whoever fails before it causes no look-up.
func (c *crawler) provesName(addr netip.Addr) bool {
	return c.reverse == nil || addr.IsValid() && c.reverse.verified(question{addr, c.domains}, time.Now())
}

// named reports whether reverse DNS is known to have verified the address.
func (c *crawler) named(addr netip.Addr, now time.Time) bool {
	return c.reverse != nil && now.Before(c.reverse.known(question{addr, c.domains}).verified)
}

// explain says what is known of the address, without asking anybody.
func (c *crawler) explain(p *Partner, client shield.Client) (facts []shield.Fact) {
	fact := func(says string) {
		facts = append(facts, shield.Fact{Stage: "visit", Rule: "partner " + p.Name, Says: says})
	}
	if len(c.ranges) > 0 && c.has(client.Addr) {
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
		fact("reverse DNS refuted: the address belongs to somebody else; asked again after " + known.again.UTC().Format(time.DateTime) + " UTC")
	case !known.again.IsZero():
		fact("reverse DNS gave no answer; asked again after " + known.again.UTC().Format(time.DateTime) + " UTC")
	default:
		fact("reverse DNS unknown yet: it is looked up when a request from the address claims to be " + strings.Join(p.Agent, " or "))
	}
	return facts
}

// Interface guards.
var _ caddy.CleanerUpper = (*Handler)(nil)
