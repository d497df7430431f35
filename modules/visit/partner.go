package visit

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/gaissmai/bart"

	"github.com/theriac-edge/theriac/shop"
)

// Partner is a machine that the shop depends on, such as a payment provider,
// the merchandise management or a monitor. It has to prove who it is by all of
// `from`, `header` and `client_certificate` that are given; at least one must
// be. Partners are limited by a budget of their own and never challenged.
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

	// The partner's own budget. Default: 20/s with a burst of 60.
	Rate  shop.Rate `json:"rate,omitzero"`
	Burst int64     `json:"burst,omitempty"`

	matches caddyhttp.MatcherSets
	from    *bart.Lite
	secret  [sha256.Size]byte
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
	if p.Header == nil {
		return nil
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(p.Header.Value, true, true)
	if err != nil {
		return fmt.Errorf("reading the secret of header %s: %w", p.Header.Name, err)
	}
	if len(value) < shop.MinSecret {
		return fmt.Errorf("the secret of header %s has %d bytes; at least %d are needed", p.Header.Name, len(value), shop.MinSecret)
	}
	p.secret = sha256.Sum256([]byte(value))
	return nil
}

// validate refuses a partner whom anybody could be.
func (p *Partner) validate() error {
	if len(p.From) == 0 && p.Header == nil && p.ClientCertificate == "" {
		return errors.New("a partner must prove who it is; add from <prefix>, header <name> <secret> or client_certificate <name>")
	}
	if p.Burst < 1 {
		return fmt.Errorf("burst is %d; it must be at least 1", p.Burst)
	}
	return nil
}

// proves reports whether the request is one of the partner's and gives every
// proof.
func (p *Partner) proves(r *http.Request, addr netip.Addr) bool {
	if len(p.From) > 0 && (!addr.IsValid() || !p.from.Contains(addr)) {
		return false
	}
	if match, err := p.matches.AnyMatchWithError(r); !match || err != nil {
		return false
	}
	return p.provesHeader(r) && p.provesCertificate(r)
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

// withoutSecrets is the handler as operators may see it.
func (h *Handler) withoutSecrets() Handler {
	shown := Handler{Shop: h.Shop, Contact: h.Contact, Classes: h.Classes}
	for _, p := range h.Partners {
		q := &Partner{
			Name: p.Name, MatcherSetsRaw: p.MatcherSetsRaw, From: p.From,
			ClientCertificate: p.ClientCertificate, Rate: p.Rate, Burst: p.Burst,
		}
		if p.Header != nil {
			q.Header = &HeaderProof{Name: p.Header.Name, Value: "(hidden)"}
		}
		shown.Partners = append(shown.Partners, q)
	}
	return shown
}
