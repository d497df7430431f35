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

// Zone is one limit: what is counted, by what, and how much of it is allowed.
type Zone struct {
	// The zone's name, for metrics, logs and the RateLimit headers.
	Name string `json:"name"`

	// Which requests are counted. Default: all.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Which classes of requests are counted. Default: all.
	Classes []string `json:"classes,omitempty"`

	// By what is counted: `client` (one IPv4 address or one IPv6 /64), `subnet`
	// (/24 or /56), `shop` (all together) or any placeholder, such as
	// `{http.request.header.X-Api-Key}`. Several are combined. Default:
	// client.
	Key []string `json:"key,omitempty"`

	// How much is allowed, such as 20/s or 5/m.
	Rate shop.Rate `json:"rate"`

	// How much is allowed at once after a quiet time. Default: the number of
	// events in the rate.
	Burst int64 `json:"burst,omitempty"`

	// Ask the shared store for every request, and wait up to 20 ms for it, so
	// that the limit holds to the token over all edges. For log-in, vouchers
	// and the like.
	Exact bool `json:"exact,omitempty"`

	// Count only and refuse nobody.
	Shadow bool `json:"shadow,omitempty"`

	// Count a request by the status of its answer, such as 401 and 403 for
	// failed log-ins: all are let through until the limit is used up.
	Status []int `json:"status,omitempty"`

	// Count a request if this stage behind the limit refused it, such as waf:
	// all are let through until the limit is used up.
	RefusedBy string `json:"refused_by,omitempty"`

	// How many tokens an edge may spend before it has settled them with the
	// other edges. Default: the burst, or for zones that count a whole shop
	// the edge's share of it.
	Slack int64 `json:"slack,omitempty"`

	// After how many refusals in a row a client is refused for how long,
	// twice, four and eight times as long if it goes on. Default: never.
	PenaltyAfter uint32         `json:"penalty_after,omitempty"`
	Penalty      caddy.Duration `json:"penalty,omitempty"`

	limit    counters.Limit
	matches  caddyhttp.MatcherSets
	classes  shop.ClassSet
	statuses map[int]bool
	parts    []part
	values   bool // the key holds placeholders
	personal bool // the key stands for one client, not for a crowd
	cause    ban.Cause
	shadow   bool
	preset   bool // as the preset left it
	salt     string
	hasher   *netkey.Hasher
	policy   []string
	outcomes outcomes
	log      *zap.Logger

	sometimes rate.Sometimes
}

func (z *Zone) provision(ctx caddy.Context, id shop.ID, hasher *netkey.Hasher) error {
	z.fillDefaults()
	z.limit.Interval, z.limit.Burst, z.limit.Slack = z.Rate.Interval(), z.Burst, z.Slack
	z.limit.Patience, z.limit.Penalty = z.PenaltyAfter, time.Duration(z.Penalty)
	loaded, err := ctx.LoadModule(z, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("loading the matchers: %w", err)
	}
	if err := z.matches.FromInterface(loaded); err != nil {
		return fmt.Errorf("reading the matchers: %w", err)
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

// prepare sets what does not depend on the zone's matchers.
func (z *Zone) prepare(id shop.ID, hasher *netkey.Hasher, log *zap.Logger) {
	z.salt, z.hasher, z.log = string(id)+"\x00"+z.Name+"\x00", hasher, log
	z.policy = []string{policyOf(z.Name, &z.limit)}
	z.outcomes = outcomesOf(id, z.Name, &z.limit)
	z.sometimes = rate.Sometimes{Interval: time.Second}
}

func (z *Zone) fillDefaults() {
	if len(z.Key) == 0 {
		z.Key = []string{"client"}
	}
	if z.Burst == 0 {
		z.Burst = z.Rate.Events
	}
}

// counts reports whether the zone is about this request. A matcher that fails
// is no way around the limit.
func (z *Zone) counts(v *shop.Visit, r *http.Request) bool {
	if !z.classes.Has(v.Class) {
		return false
	}
	match, err := z.matches.AnyMatchWithError(r)
	return match || err != nil
}

// later reports whether the zone counts requests by how they ended.
func (z *Zone) later() bool { return z.statuses != nil || z.RefusedBy != "" }

// ended reports whether a visit ended so that the zone counts it. A refusal
// with a status from 500 on is no fault of the visitor.
func (z *Zone) ended(v *shop.Visit, err error) bool {
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
		return fmt.Errorf("a zone's name has 1 to %d of a-z, 0-9, '-' and '_'", maxName)
	}
	if z.Rate.IsZero() {
		return errors.New("rate is missing, such as `rate 20/s`")
	}
	if z.Burst < 0 || z.Burst > maxBurst {
		return fmt.Errorf("burst is %d; it must be from 1 to %d", z.Burst, maxBurst)
	}
	if z.Slack < 0 {
		return errors.New("slack must not be negative")
	}
	if (z.PenaltyAfter == 0) != (z.Penalty == 0) {
		return errors.New("a penalty needs both: after how many refusals, and for how long")
	}
	if z.Penalty != 0 && !z.countsOne() {
		return errors.New("a penalty needs key client or a placeholder: this zone counts a crowd, and one flood would punish all of it")
	}
	if z.Exact && (len(z.Status) > 0 || z.RefusedBy != "") {
		return errors.New("exact counts before the answer, status and refused_by after it; choose one")
	}
	if len(z.Status) > 0 && z.RefusedBy != "" {
		return errors.New("a zone counts by status or by refused_by, not by both")
	}
	for _, status := range z.Status {
		if status < 100 || status > 599 {
			return errors.New("status " + strconv.Itoa(status) + " is no HTTP status")
		}
	}
	return nil
}

const maxBurst = 10_000_000
