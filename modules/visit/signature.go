package visit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// Each signature by a key that we know ends in one of these ways.
var (
	signatures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_visit_signatures_total",
		Help: "Signatures of crawlers by a known key, by outcome.",
	}, []string{"outcome"})
	signatureVerified   = signatures.WithLabelValues("verified")
	signatureRemembered = signatures.WithLabelValues("remembered") // the same bytes again
	signatureMalformed  = signatures.WithLabelValues("malformed")
	signatureExpired    = signatures.WithLabelValues("expired")    // or not valid yet, or for too long
	signatureIncomplete = signatures.WithLabelValues("incomplete") // covers too little, or what we do not know
	signatureWrong      = signatures.WithLabelValues("wrong")
	signatureCapped     = signatures.WithLabelValues("capped") // not looked at after too many that were no good
)

// How long a signature may hold, and how far clocks may differ. The draft
// recommends a day and leaves replays within it to the verifier; the partner's
// own budget bounds them.
const (
	maxValidity = 24 * time.Hour
	clockSkew   = time.Minute
)

// botTag is what the draft calls these signatures.
const botTag = "web-bot-auth"

// maxField bounds each header that is parsed. What bots send has some 400
// bytes.
const maxField = 2 << 10

// To parse and check a signature costs up to 150 µs, so what is no good is
// looked at only this often: less than one percent of a core.
const (
	failureRate  = 50
	failureBurst = 100
)

// signers verifies requests that are signed by Web Bot Auth
// (draft-meunier-web-bot-auth-architecture on RFC 9421), with the keys of one
// file. All shops that name the file share it.
type signers struct {
	file[keyring]

	// Only signatures that are no good spend from it. While it is empty nobody
	// is looked at but those whose last signature was good: knowing a key's
	// name is enough to empty it, and must not lock its owner out.
	failures *rate.Limiter
	steady   *otter.Cache[netip.Addr, struct{}]

	// Signatures that were verified, with what they cover.
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

// signed reports whether one of the keys has signed the request.
func (s *signers) signed(r *http.Request, addr netip.Addr, now time.Time) bool {
	inputs := r.Header["Signature-Input"]
	if !s.knowsOneOf(inputs) {
		return false
	}
	// Asked before and spent afterwards: as many too many pass as there are
	// requests at the same time.
	if _, steady := s.steady.GetIfPresent(addr); !steady && s.failures.TokensAt(now) < 1 {
		signatureCapped.Inc()
		return false
	}
	outcome := s.verify(r, inputs, now)
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

// knowsOneOf looks for the name of a known key before anything is parsed.
// Thumbprints have no character that would be escaped.
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

func (s *signers) verify(r *http.Request, inputs []string, now time.Time) prometheus.Counter {
	c, ok := s.readClaim(inputs, r.Header["Signature"])
	switch {
	case !ok:
		return signatureMalformed
	case !c.holds(now):
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

// claim is a signature, not yet checked, and what it says of itself.
type claim struct {
	key              key
	covered          httpsfv.InnerList
	created, expires time.Time
	signature        []byte
}

// readClaim reads the first signature of a bot whose key is known.
func (s *signers) readClaim(inputs, values []string) (c claim, ok bool) {
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
		c = claim{key: key, covered: covered}
		return c, c.readParams() && c.readSignature(values, label)
	}
	return c, false
}

func param(params *httpsfv.Params, name string) string {
	value, _ := params.Get(name)
	s, _ := value.(string)
	return s
}

func (c *claim) readParams() bool {
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

func (c *claim) readSignature(values []string, label string) bool {
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

// holds reports whether signature and key are valid now.
func (c *claim) holds(now time.Time) bool {
	return c.key.holds(now) &&
		!c.created.After(now.Add(clockSkew)) && !c.expires.Before(now.Add(-clockSkew)) &&
		c.expires.After(c.created) && c.expires.Sub(c.created) <= maxValidity
}

// coversEnough reports whether the signature is for this shop, and says for
// which agent if the request does: the draft demands both.
func (c *claim) coversEnough(r *http.Request) bool {
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
