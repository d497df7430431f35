package visit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// Each signature by a known key is counted once by its outcome.
var (
	signatures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_visit_signatures_total",
		Help: "Signatures with a known key (Web Bot Auth), by outcome: verified, remembered, malformed, expired, incomplete, wrong or capped.",
	}, []string{"outcome"})
	signatureVerified   = signatures.WithLabelValues("verified")
	signatureRemembered = signatures.WithLabelValues("remembered") // verified before, the same bytes
	signatureMalformed  = signatures.WithLabelValues("malformed")
	signatureExpired    = signatures.WithLabelValues("expired")    // or not valid yet, or valid for too long
	signatureIncomplete = signatures.WithLabelValues("incomplete") // covers too little, or an unknown component
	signatureWrong      = signatures.WithLabelValues("wrong")
	signatureCapped     = signatures.WithLabelValues("capped") // not verified, after too many failures
)

// How long a signature may be valid, and how far clocks may differ. The draft recommends
// a day and leaves replays within it to the verifier; the partner's rate limit bounds
// them.
const (
	maxValidity = 24 * time.Hour
	clockSkew   = time.Minute
)

// botTag is the draft's tag for these signatures.
const botTag = "web-bot-auth"

// maxField bounds each header field that is parsed. Those of bots have about 400 bytes.
const maxField = 2 << 10

// Parsing and verifying a signature takes up to 150 µs, so failures are limited to this
// rate: less than one percent of a core.
const (
	failureRate  = 50
	failureBurst = 100
)

// signers verifies requests that are signed by Web Bot Auth
// (draft-meunier-web-bot-auth-architecture on RFC 9421), with the keys of one
// file. All shops that name the file share it.
type signers struct {
	file[keyring]

	// Only failed signatures take tokens. While there are none, only addresses whose
	// last signature was good are verified: the name of a key is all that an attacker
	// needs to use the tokens up, and that must not lock out the key's owner.
	failures *rate.Limiter
	steady   *otter.Cache[netip.Addr, struct{}]

	// Hashes of verified signatures and what they cover.
	remembered *otter.Cache[[sha256.Size]byte, struct{}]
}

func openSigners(path string) (*signers, error) {
	s := &signers{
		file:       file[keyring]{path: path, read: readKeyring, log: edgeLog},
		failures:   rate.NewLimiter(failureRate, failureBurst),
		steady:     otter.Must(&otter.Options[netip.Addr, struct{}]{MaximumSize: 4096}),
		remembered: otter.Must(&otter.Options[[sha256.Size]byte, struct{}]{MaximumSize: 4096}),
	}
	return s, s.open()
}

// signed reports whether one of the keys has signed the request. The clock of this edge may be
// wrong, or that of the store, so the signature need only be valid now or at an alternative time.
func (s *signers) signed(r *http.Request, addr netip.Addr, now time.Time, alternatives ...time.Time) bool {
	inputs := r.Header["Signature-Input"]
	if !s.knowsOneOf(inputs) {
		return false
	}
	// Tokens are checked before and taken afterwards: concurrent requests can exceed
	// the limit by their number.
	if _, steady := s.steady.GetIfPresent(addr); !steady && s.failures.TokensAt(now) < 1 {
		signatureCapped.Inc()
		return false
	}
	outcome := s.verify(r, inputs, append(alternatives, now))
	outcome.Inc()
	if outcome != signatureVerified && outcome != signatureRemembered {
		s.failures.AllowN(now, 1)
		s.steady.Invalidate(addr)
		return false
	}
	if addr.IsValid() {
		s.steady.Set(addr, struct{}{})
	}
	return true
}

// knowsOneOf looks for the thumbprint of a known key before anything is parsed. Thumbprints
// have no character that would be escaped.
func (s *signers) knowsOneOf(inputs []string) bool {
	if length(inputs) > maxField {
		return false
	}
	ring := s.content()
	for _, line := range inputs {
		for {
			_, rest, found := strings.Cut(line, `keyid="`)
			if !found {
				break
			}
			id, after, _ := strings.Cut(rest, `"`)
			if _, known := ring[id]; known {
				return true
			}
			line = after
		}
	}
	return false
}

func (s *signers) verify(r *http.Request, inputs []string, times []time.Time) prometheus.Counter {
	c, ok := s.parse(inputs, r.Header["Signature"])
	switch {
	case !ok:
		return signatureMalformed
	case !slices.ContainsFunc(times, c.isValid):
		return signatureExpired
	case !c.coversEnough(r):
		return signatureIncomplete
	}
	base, err := signatureBase(r, c.covered)
	if err != nil {
		return signatureIncomplete
	}
	sum := sha256.Sum256(append([]byte(base), c.signature...))
	if _, known := s.remembered.GetIfPresent(sum); known {
		return signatureRemembered
	}
	if !ed25519.Verify(c.key.public, []byte(base), c.signature) {
		return signatureWrong
	}
	s.remembered.Set(sum, struct{}{})
	return signatureVerified
}

// unverified is a signature with its parameters, before verification.
type unverified struct {
	key              key
	covered          httpsfv.InnerList
	created, expires time.Time
	signature        []byte
}

// parse parses the first signature of a bot with a known key.
func (s *signers) parse(inputs, values []string) (c unverified, ok bool) {
	described, err := httpsfv.UnmarshalDictionary(inputs)
	if err != nil {
		return c, false
	}
	ring := s.content()
	for _, label := range described.Names() {
		member, _ := described.Get(label)
		covered, isList := member.(httpsfv.InnerList)
		if !isList || param(covered.Params, "tag") != botTag {
			continue
		}
		key, known := ring[param(covered.Params, "keyid")]
		if !known {
			continue
		}
		c = unverified{key: key, covered: covered}
		return c, c.readParams() && c.readSignature(values, label)
	}
	return c, false
}

func param(params *httpsfv.Params, name string) string {
	value, _ := params.Get(name)
	s, _ := value.(string)
	return s
}

func (c *unverified) readParams() bool {
	if alg, given := c.covered.Params.Get("alg"); given && alg != "ed25519" {
		return false
	}
	for name, into := range map[string]*time.Time{"created": &c.created, "expires": &c.expires} {
		value, _ := c.covered.Params.Get(name)
		seconds, isNumber := value.(int64)
		if !isNumber {
			return false
		}
		*into = time.Unix(seconds, 0)
	}
	return true
}

func (c *unverified) readSignature(values []string, label string) bool {
	if length(values) > maxField {
		return false
	}
	given, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return false
	}
	member, _ := given.Get(label)
	item, _ := member.(httpsfv.Item)
	c.signature, _ = item.Value.([]byte)
	return len(c.signature) == ed25519.SignatureSize
}

// isValid reports whether signature and key are valid now.
func (c *unverified) isValid(now time.Time) bool {
	return c.key.isValid(now) &&
		!c.created.After(now.Add(clockSkew)) && !c.expires.Before(now.Add(-clockSkew)) &&
		c.expires.After(c.created) && c.expires.Sub(c.created) <= maxValidity
}

// coversEnough reports whether the signature covers the host, and the agent if the request
// names one: the draft requires both.
func (c *unverified) coversEnough(r *http.Request) bool {
	var site, agent bool
	for _, item := range c.covered.Items {
		switch item.Value {
		case "@authority", "@target-uri":
			site = true
		case "signature-agent":
			agent = true
		}
	}
	return site && (agent || len(r.Header["Signature-Agent"]) == 0)
}
