package limit

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Zone is one limit: which requests are counted, by which key, and how many are allowed.
type Zone struct {
	// The name in metrics, logs and the RateLimit headers.
	Name string `json:"name"`

	// Which requests are counted. Default: all.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Which classes of requests are counted. Default: all.
	Classes []string `json:"classes,omitempty"`

	// By what is counted: `client` (one IPv4 address or one IPv6 /64), `subnet`
	// (/24 or /56), `site` (/48; only IPv6 requests are counted), `shop` (all together) or
	// any placeholder, such as `{http.request.header.X-Api-Key}`; a request without that
	// value counts for its client. Several are combined. Default: client.
	Key []string `json:"key,omitempty"`

	// How many requests are allowed, such as 20/s or 5/m.
	Rate shop.Rate `json:"rate"`

	// How many requests are allowed at once after an idle time. Default: the number of
	// events in the rate.
	Burst int64 `json:"burst,omitempty"`

	// Ask the shared store on every request, and wait up to 20 ms for it, so that the
	// limit is exact across all edges. For log-in, vouchers and the like.
	Exact bool `json:"exact,omitempty"`

	// Count only; refuse nothing.
	Shadow bool `json:"shadow,omitempty"`

	// Count only requests with one of these response codes, such as 401 and 403 for
	// failed log-ins. All requests are allowed until the limit is used up.
	Status []int `json:"status,omitempty"`

	// Count only requests that this later stage has refused, such as waf. All requests
	// are allowed until the limit is used up.
	RefusedBy string `json:"refused_by,omitempty"`

	// How many tokens an edge may spend before it settles them with the other edges.
	// Default: the burst, or for zones of a whole shop the edge's share of it.
	Slack int64 `json:"slack,omitempty"`

	// After this many consecutive refusals a client is refused for this long, then
	// for twice, four and eight times as long if it continues. Default: never.
	PenaltyAfter uint32         `json:"penalty_after,omitempty"`
	Penalty      caddy.Duration `json:"penalty,omitempty"`

	limit     counters.Limit
	matches   caddyhttp.MatcherSets
	classes   shop.ClassSet
	statuses  map[int]bool
	parts     []part
	values    bool // the key has placeholders
	perClient bool // the key identifies one client, not many together
	wholeShop bool // the key is the shop alone
	perSite   bool // the key has the /48, which IPv4 clients are not in
	cause     ban.Cause
	shadow    bool
	preset    bool // unchanged from the preset
	salt      string
	hasher    func() *netkey.Hasher
	policy    []string
	outcomes  outcomes
	log       *zap.Logger

	strangers     byLevel // what strangers have of it; nil: as much as all
	strangersRule string
	crawler       byLevel // the budget of a crawler

	logRate rate.Sometimes
}

func (z *Zone) provision(ctx caddy.Context, id shop.ID, hasher func() *netkey.Hasher) error {
	z.fillDefaults()
	z.limit.Interval, z.limit.Burst, z.limit.Slack = z.Rate.Interval(), z.Burst, z.Slack
	z.limit.Patience, z.limit.Penalty = z.PenaltyAfter, time.Duration(z.Penalty)
	loaded, err := ctx.LoadModule(z, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("loading matchers: %w", err)
	}
	if err := z.matches.FromInterface(loaded); err != nil {
		return fmt.Errorf("reading matchers: %w", err)
	}
	z.classes = shop.AllClasses
	if len(z.Classes) > 0 {
		z.classes = 0
	}
	for _, name := range z.Classes {
		class, err := shop.ParseClass(name)
		if err != nil {
			return err
		}
		z.classes = z.classes.With(class)
	}
	for _, status := range z.Status {
		if z.statuses == nil {
			z.statuses = make(map[int]bool)
		}
		z.statuses[status] = true
	}
	if err := z.composeKey(); err != nil {
		return err
	}
	z.cause = z.causeOf()
	z.prepare(id, hasher, ctx.Logger())
	return nil
}

// prepare sets up what does not depend on the zone's matchers.
func (z *Zone) prepare(id shop.ID, hasher func() *netkey.Hasher, log *zap.Logger) {
	z.salt, z.hasher, z.log = string(id)+"\x00"+z.Name+"\x00", hasher, log
	z.policy = []string{policyOf(z.Name, &z.limit)}
	z.outcomes = outcomesOf(id, z.Name, &z.limit)
	z.logRate = rate.Sometimes{Interval: time.Second}
}

func (z *Zone) fillDefaults() {
	if len(z.Key) == 0 {
		z.Key = []string{"client"}
	}
	if z.Burst == 0 {
		z.Burst = z.Rate.Events
	}
}

// counts reports whether the zone counts this request, however its path is spelled. A
// matcher that fails counts it: an error must not bypass the limit.
func (z *Zone) counts(v *shop.Visit, r *http.Request) bool {
	if !z.classes.Has(v.Class) || z.perSite && v.Site == (netkey.Key{}) {
		return false
	}
	match, err := z.matches.AnyMatchWithError(r)
	if !match && err == nil {
		if plain := respelled(r); plain != nil {
			match, err = z.matches.AnyMatchWithError(plain)
		}
	}
	return match || err != nil
}

// afterResponse reports whether the zone counts requests by their response.
func (z *Zone) afterResponse() bool { return z.statuses != nil || z.RefusedBy != "" }

// matchesResponse reports whether the zone counts a request with this response. A refusal
// with a status from 500 on is not the client's fault.
func (z *Zone) matchesResponse(v *shop.Visit, err error) bool {
	if z.RefusedBy != "" {
		refusal, ok := errors.AsType[caddyhttp.HandlerError](err)
		return ok && refusal.StatusCode < 500 && v.Outcome.Stage == z.RefusedBy
	}
	return v.Outcome.Stage == "" && z.statuses[v.Status]
}

// maxName keeps keys and labels short.
const maxName = 40

func (z *Zone) validate() error {
	if z.Name == "" || len(z.Name) > maxName || strings.ContainsFunc(z.Name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) {
		return fmt.Errorf("invalid zone name: want 1 to %d characters of a-z, 0-9, '-' and '_'", maxName)
	}
	if z.Rate.IsZero() {
		return errors.New("missing rate, such as `rate 20/s`")
	}
	if z.Burst < 0 || z.Burst > maxBurst {
		return fmt.Errorf("invalid burst %d: want 1 to %d", z.Burst, maxBurst)
	}
	if z.Slack < 0 {
		return errors.New("invalid slack: want 0 or more")
	}
	if (z.PenaltyAfter == 0) != (z.Penalty == 0) {
		return errors.New("a penalty needs both a number of refusals and a duration")
	}
	if z.Penalty != 0 && !z.isPerClient() {
		return errors.New("a penalty needs the key client or a placeholder: this zone counts many clients together, and one of them could block all")
	}
	if z.Exact && (len(z.Status) > 0 || z.RefusedBy != "") {
		return errors.New("exact excludes status and refused_by: it counts before the response, they count after it")
	}
	if len(z.Status) > 0 && z.RefusedBy != "" {
		return errors.New("status and refused_by exclude each other")
	}
	for _, status := range z.Status {
		if status < 100 || status > 599 {
			return errors.New("invalid status " + strconv.Itoa(status) + ": want 100 to 599")
		}
	}
	return nil
}

const maxBurst = 10_000_000
