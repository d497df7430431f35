package visit

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
)

// Each request is counted once by its outcome: passed to the shop, or refused by a stage.
// No label comes from a request.
var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_visit_requests_total",
		Help: "Requests by shop, class and stage: the stage that refused them, or shop if they were passed to the shop.",
	}, []string{"shop", "class", "stage"})
	answers = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_visit_answers_total",
		Help: "Responses of the shops' backends by status class (2xx, 3xx, 4xx, 5xx).",
	}, []string{"shop", "status"})
	backendSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "theriac_visit_backend_seconds",
		Help:    "Time to the first byte of the response of the shop's backend.",
		Buckets: []float64{.025, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"shop"})
)

// counts are the series of one shop, looked up once instead of on each request.
type counts struct {
	shop    string
	through [shop.Classes]*metric.Counter
	refused [shop.Classes]sync.Map // stage to prometheus.Counter; stages are constants of ours
	status  [6]*metric.Counter
	backend *metric.Histogram
}

var countsOf = metric.PerShop(func(id shop.ID) *counts {
	c := &counts{shop: string(id), backend: metric.NewHistogram(backendSeconds, string(id))}
	for digit := 1; digit < len(c.status); digit++ {
		c.status[digit] = metric.NewCounter(answers, string(id), strconv.Itoa(digit)+"xx")
	}
	for class := range c.through {
		c.through[class] = metric.NewCounter(requests, string(id), shop.Class(class).String(), "shop")
	}
	return c
})

func (c *counts) refusedBy(class shop.Class, stage string) prometheus.Counter {
	if known, ok := c.refused[class].Load(stage); ok {
		return known.(prometheus.Counter)
	}
	counter := requests.WithLabelValues(c.shop, class.String(), stage)
	c.refused[class].Store(stage, counter)
	return counter
}

// answer notes the first byte of the answer, or that the client has left before it.
func (rec *recorder) answer(status int) {
	v, tally := &rec.visit, rec.handler.tally
	if v.Outcome.Stage == "" {
		v.Backend = chain.BackendLatency(rec.request)
		if rec.request.Context().Err() != nil {
			tally.Gone(v, time.Now())
			return
		}
	}
	tally.Answer(v, rec.request.Method, status)
}

// record counts the visit, once.
func (rec *recorder) record(err error) {
	h, v := rec.handler, &rec.visit
	status := v.Status
	if err != nil {
		status = statusOf(err)
	}
	if !rec.wrote {
		rec.answer(status)
	}
	if v.Outcome.Stage != "" {
		h.tally.Stop(v)
		if v.Class == shop.Socket && v.Outcome.Stage == "limit" {
			layer4.Process.Socket()
		}
		h.counts.refusedBy(v.Class, v.Outcome.Stage).Inc()
		return
	}
	h.counts.through[v.Class].Inc()
	if digit := status / 100; digit >= 1 && digit < len(h.counts.status) {
		h.counts.status[digit].Inc()
	}
	if status >= 500 {
		h.tally.Fail()
	}
	if v.Backend > 0 {
		h.counts.backend.Observe(v.Backend.Seconds())
	}
}

func statusOf(err error) int {
	var handled caddyhttp.HandlerError
	if errors.As(err, &handled) && handled.StatusCode != 0 {
		return handled.StatusCode
	}
	return http.StatusInternalServerError
}

// placeholders returns the values of {http.shield.shop}, .class, .client, .partner,
// .level, .trust, .stage and .rule, for logs and headers. None of them is an address.
func placeholders(v *shop.Visit) func(string) (any, bool) {
	return func(key string) (any, bool) {
		switch key {
		case "http.shield.shop":
			return string(v.Shop), true
		case "http.shield.class":
			return v.Class.String(), true
		case "http.shield.client":
			return v.Client.Reference(), true
		case "http.shield.partner":
			if v.Partner == nil {
				return "", true
			}
			return v.Partner.Name, true
		case "http.shield.level":
			return int(v.Level), true
		case "http.shield.trust":
			return v.Trust.String(), true
		case "http.shield.stage":
			return v.Outcome.Stage, true
		case "http.shield.rule":
			return v.Outcome.Rule, true
		}
		return nil, false
	}
}

// explain reports which partner the client's address can belong to.
func (h *Handler) explain(c shield.Client) []shield.Fact {
	var facts []shield.Fact
	for _, p := range h.Partners {
		if len(p.From) > 0 && p.from.Contains(c.Addr) {
			facts = append(facts, shield.Fact{
				Stage: "visit", Rule: "partner " + p.Name,
				Says: "the address is the partner's" + p.budget(),
			})
		}
		facts = append(facts, p.crawler.explain(p, c)...)
	}
	return facts
}

func (p *Partner) budget() string { return fmt.Sprintf("; budget %s, burst %d", p.Rate, p.Burst) }
