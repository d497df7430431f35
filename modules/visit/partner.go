package visit

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/gaissmai/bart"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Partner is a known machine that the shop depends on, such as a payment provider, the
// merchandise management, a monitor or a search engine's crawler. A request is the
// partner's if it gives every proof that is configured; at least one is required.
// Partners have a rate limit of their own and are never challenged.
type Partner struct {
	// The partner's name, for metrics and logs.
	Name string `json:"name"`

	// Which requests count as the partner's. Default: all.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Proof: the client's address is in one of these prefixes.
	From []netip.Prefix `json:"from,omitempty"`

	// Proof: a header with a secret of at least 16 bytes. Placeholders in the value
	// are replaced, and files are read again when they change. Up to three secrets, each in
	// a line, are accepted, so that the partner can change to another.
	Header *HeaderProof `json:"header,omitempty"`

	// Proof: a verified TLS client certificate with this common name or DNS
	// name. The site must request one (`tls { client_auth … }`).
	ClientCertificate string `json:"client_certificate,omitempty"`

	// Proof: the client's address is in one of these files of published
	// ranges: {"creationTime": "…", "prefixes": [{"ipv4Prefix": "…"},
	// {"ipv6Prefix": "…"}]} as search engines write them, or one prefix per line. A
	// file is read again within a minute after it has changed.
	Ranges []string `json:"ranges,omitempty"`

	// Proof: the client's address has a PTR record in one of these domains, and that
	// name resolves to the address (forward-confirmed reverse DNS). The look-up runs
	// in the background; until it is done the crawler is treated as any visitor.
	// Requires `agent`.
	ReverseDNS []string `json:"reverse_dns,omitempty"`

	// The DNS resolver of reverse_dns: an address with a port. Default: the system's
	// resolvers.
	Resolver string `json:"resolver,omitempty"`

	// Proof: the request is signed (Web Bot Auth, RFC 9421, Ed25519) by a key
	// of this file, a JWK set. Nothing is fetched from the network. The file is read
	// again within a minute after it has changed.
	SignedBy string `json:"signed_by,omitempty"`

	// Not a proof, but a condition: the User-Agent has one of these substrings, in any
	// case.
	Agent []string `json:"agent,omitempty"`

	// The partner's own rate limit. Default: 20/s with a burst of 60.
	Rate  shop.Rate `json:"rate,omitzero"`
	Burst int64     `json:"burst,omitempty"`

	matches caddyhttp.MatcherSets
	from    *bart.Lite
	crawler crawler
	partner shop.Partner
}

// HeaderProof is a secret that the partner sends in a header.
type HeaderProof struct {
	// The header's name.
	Name string `json:"name"`

	// The secret, or several, each in a line.
	Value string `json:"value"`

	secrets atomic.Pointer[[][sha256.Size]byte] // hashes of them
}

// defaultRate is a partner's rate limit unless one is set.
var defaultRate = shop.Rate{Events: 20, Per: 1e9}

func (p *Partner) provision(ctx caddy.Context, app *shield.App, id shop.ID) error {
	if p.Rate.IsZero() {
		p.Rate = defaultRate
	}
	if p.Burst == 0 {
		p.Burst = 3 * p.Rate.Events
	}
	p.partner = shop.Partner{Name: p.Name, Rate: p.Rate, Burst: p.Burst, Crawler: p.isCrawler()}
	if p.MatcherSetsRaw != nil {
		loaded, err := ctx.LoadModule(p, "MatcherSetsRaw")
		if err != nil {
			return fmt.Errorf("loading matchers: %w", err)
		}
		if err := p.matches.FromInterface(loaded); err != nil {
			return fmt.Errorf("reading matchers: %w", err)
		}
	}
	p.from = clientip.Table(p.From)
	if err := p.provisionCrawler(ctx); err != nil {
		return err
	}
	if p.Header == nil {
		return nil
	}
	return app.Reread(fmt.Sprintf("the secret of the partner %s of %s", p.Name, id), p.Header.Value, p.Header.readSecrets)
}

// maxSecrets bounds what a header costs that proves nothing.
const maxSecrets = 3

// readSecrets takes a secret from each line.
func (h *HeaderProof) readSecrets(value string) error {
	var all [][sha256.Size]byte
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) < netkey.MinSecret {
			return fmt.Errorf("header %s: the secret has %d bytes, want at least %d", h.Name, len(line), netkey.MinSecret)
		}
		all = append(all, sha256.Sum256([]byte(line)))
	}
	if len(all) == 0 || len(all) > maxSecrets {
		return fmt.Errorf("header %s: %d secrets, want 1 to %d", h.Name, len(all), maxSecrets)
	}
	h.secrets.Store(&all)
	return nil
}

// validate refuses a partner without proof.
func (p *Partner) validate() error {
	if len(p.From) == 0 && p.Header == nil && p.ClientCertificate == "" &&
		len(p.Ranges) == 0 && len(p.ReverseDNS) == 0 && p.SignedBy == "" {
		return errors.New("missing proof: add from <prefix>, header <name> <secret>, client_certificate <name>, " +
			"ranges <file>, reverse_dns <domain> or signed_by <file>")
	}
	if p.Burst < 1 {
		return fmt.Errorf("invalid burst %d: want at least 1", p.Burst)
	}
	return p.validateCrawler()
}

// proves reports whether the request matches and gives every proof.
func (p *Partner) proves(r *http.Request, addr netip.Addr) bool {
	if len(p.From) > 0 && (!addr.IsValid() || !p.from.Contains(addr)) {
		return false
	}
	if !p.crawler.inRanges(addr) || !p.crawler.claims(r) {
		return false
	}
	if match, err := p.matches.AnyMatchWithError(r); !match || err != nil {
		return false
	}
	return p.headerOK(r) && p.certificateOK(r) && p.crawler.signatureOK(r, addr) && p.crawler.nameOK(addr)
}

// headerOK compares hashes, so that its time depends neither on the content nor on the
// length of the secret.
func (p *Partner) headerOK(r *http.Request) bool {
	if p.Header == nil {
		return true
	}
	given := r.Header.Get(p.Header.Name)
	if given == "" {
		return false
	}
	sum, proven := sha256.Sum256([]byte(given)), 0
	for _, secret := range *p.Header.secrets.Load() {
		proven |= subtle.ConstantTimeCompare(sum[:], secret[:])
	}
	return proven == 1
}

func (p *Partner) certificateOK(r *http.Request) bool {
	if p.ClientCertificate == "" {
		return true
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return false
	}
	leaf := r.TLS.VerifiedChains[0][0]
	return leaf.Subject.CommonName == p.ClientCertificate || slices.Contains(leaf.DNSNames, p.ClientCertificate)
}

// partnerPrefixes returns the fixed addresses of partners.
func (h *Handler) partnerPrefixes() (all []netip.Prefix) {
	for _, p := range h.Partners {
		all = append(all, p.From...)
	}
	return all
}

// isPartner reports whether an address belongs to a partner by published ranges or by
// its verified name.
func (h *Handler) isPartner(addr netip.Addr) bool {
	for _, p := range h.Partners {
		if len(p.Ranges) > 0 && p.crawler.inRanges(addr) || p.crawler.isVerified(addr, time.Now()) {
			return true
		}
	}
	return false
}

// withoutSecrets returns the handler as operators may see it.
func (h *Handler) withoutSecrets() Handler {
	shown := Handler{Shop: h.Shop, Contact: h.Contact, Classes: h.Classes, Levels: h.Levels, Watch: h.Watch}
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
