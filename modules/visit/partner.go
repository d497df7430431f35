package visit

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/gaissmai/bart"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Partner is a machine that the shop depends on, such as a payment provider,
// the merchandise management, a monitor or a search engine's crawler. It has
// to prove who it is by all proofs that are given; at least one must be.
// Partners are limited by a budget of their own and never challenged.
type Partner struct {
	// The partner's name, for metrics and logs.
	Name string `json:"name"`

	// Which requests the partner may make under its budget. Default: all.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Proof: the client's address is in one of these prefixes.
	From []netip.Prefix `json:"from,omitempty"`

	// Proof: a header with a secret, at least 16 bytes. Placeholders in the
	// value are replaced when the edge starts.
	Header *HeaderProof `json:"header,omitempty"`

	// Proof: a verified TLS client certificate with this common name or DNS
	// name. The site must ask for one (`tls { client_auth … }`).
	ClientCertificate string `json:"client_certificate,omitempty"`

	// Proof: the client's address is in one of these files of published
	// ranges: {"creationTime": "…", "prefixes": [{"ipv4Prefix": "…"},
	// {"ipv6Prefix": "…"}]} as search engines write them, or one prefix a
	// line. A file is read again within a minute after it has changed.
	Ranges []string `json:"ranges,omitempty"`

	// Proof: the name that reverse DNS gives to the client's address lies in
	// one of these domains, and that name has the address. The look-up runs
	// beside the path: a crawler is a visitor like others until it is done.
	// Needs `agent`.
	ReverseDNS []string `json:"reverse_dns,omitempty"`

	// Whom reverse_dns asks: an address with a port. Default: the resolvers
	// of the system.
	Resolver string `json:"resolver,omitempty"`

	// Proof: the request is signed (Web Bot Auth, RFC 9421, Ed25519) by a key
	// of this file, a JWK set. Nothing is fetched. The file is read again
	// within a minute after it has changed.
	SignedBy string `json:"signed_by,omitempty"`

	// No proof, but who makes the claim: the User-Agent has one of these
	// words, in any case.
	Agent []string `json:"agent,omitempty"`

	// The partner's own budget. Default: 20/s with a burst of 60.
	Rate  shop.Rate `json:"rate,omitzero"`
	Burst int64     `json:"burst,omitempty"`

	matches caddyhttp.MatcherSets
	from    *bart.Lite
	secret  [sha256.Size]byte
	crawler crawler
	partner shop.Partner
}

// HeaderProof is a secret that a partner sends in a header.
type HeaderProof struct {
	// The header's name.
	Name string `json:"name"`

	// The secret that it must carry.
	Value string `json:"value"`
}

// defaultRate is what a partner may do unless said otherwise.
var defaultRate = shop.Rate{Events: 20, Per: 1e9}

func (p *Partner) provision(ctx caddy.Context) error {
	if p.Rate.IsZero() {
		p.Rate = defaultRate
	}
	if p.Burst == 0 {
		p.Burst = 3 * p.Rate.Events
	}
	p.partner = shop.Partner{Name: p.Name, Rate: p.Rate, Burst: p.Burst}
	if p.MatcherSetsRaw != nil {
		loaded, err := ctx.LoadModule(p, "MatcherSetsRaw")
		if err != nil {
			return fmt.Errorf("loading the matchers: %w", err)
		}
		if err := p.matches.FromInterface(loaded); err != nil {
			return fmt.Errorf("reading the matchers: %w", err)
		}
	}
	p.from = new(bart.Lite)
	for _, prefix := range p.From {
		p.from.Insert(prefix.Masked())
	}
	if err := p.provisionCrawler(ctx); err != nil {
		return err
	}
	if p.Header == nil {
		return nil
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(p.Header.Value, true, true)
	if err != nil {
		return fmt.Errorf("reading the secret of header %s: %w", p.Header.Name, err)
	}
	if len(value) < netkey.MinSecret {
		return fmt.Errorf("the secret of header %s has %d bytes; at least %d are needed", p.Header.Name, len(value), netkey.MinSecret)
	}
	p.secret = sha256.Sum256([]byte(value))
	return nil
}

// validate refuses a partner whom anybody could be.
func (p *Partner) validate() error {
	if len(p.From) == 0 && p.Header == nil && p.ClientCertificate == "" &&
		len(p.Ranges) == 0 && len(p.ReverseDNS) == 0 && p.SignedBy == "" {
		return errors.New("a partner must prove who it is; add from <prefix>, header <name> <secret>, client_certificate <name>, " +
			"ranges <file>, reverse_dns <domain> or signed_by <file>")
	}
	if p.Burst < 1 {
		return fmt.Errorf("burst is %d; it must be at least 1", p.Burst)
	}
	return p.validateCrawler()
}

// proves reports whether the request is one of the partner's and gives every
// proof.
func (p *Partner) proves(r *http.Request, addr netip.Addr) bool {
	if len(p.From) > 0 && (!addr.IsValid() || !p.from.Contains(addr)) {
		return false
	}
	if !p.crawler.has(addr) || !p.crawler.claims(r) {
		return false
	}
	if match, err := p.matches.AnyMatchWithError(r); !match || err != nil {
		return false
	}
	return p.provesHeader(r) && p.provesCertificate(r) && p.crawler.provesSigned(r, addr) && p.crawler.provesName(addr)
}

// provesHeader compares hashes, so that neither content nor length of the
// secret shows in the time that it takes.
func (p *Partner) provesHeader(r *http.Request) bool {
	if p.Header == nil {
		return true
	}
	given := r.Header.Get(p.Header.Name)
	if given == "" {
		return false
	}
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(sum[:], p.secret[:]) == 1
}

func (p *Partner) provesCertificate(r *http.Request) bool {
	if p.ClientCertificate == "" {
		return true
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return false
	}
	leaf := r.TLS.VerifiedChains[0][0]
	return leaf.Subject.CommonName == p.ClientCertificate || slices.Contains(leaf.DNSNames, p.ClientCertificate)
}

// partnersFrom are the addresses that partners are known to come from.
func (h *Handler) partnersFrom() (all []netip.Prefix) {
	for _, p := range h.Partners {
		all = append(all, p.From...)
	}
	return all
}

// isPartner reports whether an address alone makes its owner a partner: by
// published ranges, or by the name that it was found to have.
func (h *Handler) isPartner(addr netip.Addr) bool {
	for _, p := range h.Partners {
		if len(p.Ranges) > 0 && p.crawler.has(addr) || p.crawler.named(addr, time.Now()) {
			return true
		}
	}
	return false
}

// withoutSecrets is the handler as operators may see it.
func (h *Handler) withoutSecrets() Handler {
	shown := Handler{Shop: h.Shop, Contact: h.Contact, Classes: h.Classes}
	for _, p := range h.Partners {
		q := &Partner{
			Name: p.Name, MatcherSetsRaw: p.MatcherSetsRaw, From: p.From,
			ClientCertificate: p.ClientCertificate, Rate: p.Rate, Burst: p.Burst,
			Ranges: p.Ranges, ReverseDNS: p.ReverseDNS, Resolver: p.Resolver, SignedBy: p.SignedBy, Agent: p.Agent,
		}
		if p.Header != nil {
			q.Header = &HeaderProof{Name: p.Header.Name, Value: "(hidden)"}
		}
		shown.Partners = append(shown.Partners, q)
	}
	return shown
}
