package waf

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/types"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/shop"
)

// finding is why a request is refused.
type finding struct {
	rule    string        // one of refusals: "crs", or the bound that was exceeded
	reason  parser.Reason // why the request is ambiguous, if it is
	status  int
	score   int
	matched []match
}

// match is a rule that fired, and on what.
type match struct {
	Rule    int      `json:"rule"`
	Phase   int      `json:"phase"`
	Targets []string `json:"targets"`
}

// inspect returns what is wrong with the request, or nil. If the engine panics, the
// request is refused. If the response is to be inspected as well, the transaction
// is still open, and the caller finishes it. What is divided comes out of the part of the
// time that is not for customers.
func (h *Handler) inspect(r *http.Request, v *shop.Visit, t *parser.Table, divided bool) (found *finding, open transaction) {
	took := threadTime(func() { found, open = h.run(r, t) })
	h.budget.spend(took)
	if divided {
		reserve(h.budget.dear[v.Level], took)
	}
	h.charge(v, took)
	h.series.seconds.Observe(took.Seconds())
	return found, open
}

func (h *Handler) run(r *http.Request, t *parser.Table) (found *finding, open transaction) {
	var tx transaction
	defer func() {
		if fault := recover(); fault != nil {
			h.log.Error("waf engine panicked on a request; the request is refused; please report this", faultOf(fault))
			found, open = &finding{rule: "engine", status: http.StatusForbidden}, nil
		}
		if open == nil && tx != nil {
			h.finish(tx)
		}
	}()
	i := h.newInspection(r, t)
	defer i.release()
	goesOn := h.Responses && !opensSocket(r)
	if i.way == clean && !i.audited && !goesOn && len(h.Rules) == 0 {
		h.series.scores.Observe(0)
		return nil, nil
	}
	taken := i.taken
	if i.way == whole || i.audited {
		taken = nil
	}
	tx = h.newTransaction()
	h.begin(tx, i, r, t, taken)
	found = h.request(tx, t)
	if i.audited {
		h.audit(i, r, t, tx, found != nil)
	}
	if found != nil || !goesOn {
		return found, nil
	}
	return nil, tx
}

func (h *Handler) newTransaction() transaction {
	return h.engine.waf.NewTransaction().(transaction) // as it was when the engine was built
}

// faultOf is what may be logged of a panic: its type, but no value.
func faultOf(fault any) zap.Field { return zap.String("fault", fmt.Sprintf("%T", fault)) }

// request runs the phases of the request.
func (h *Handler) request(tx transaction, t *parser.Table) *finding {
	it, err := phases(tx)
	switch {
	case err != nil:
		return &finding{rule: "engine", status: http.StatusBadRequest}
	case it != nil:
		return h.findingOf(tx, it, t)
	}
	h.series.scores.Observe(float64(scoreOf(tx)))
	return nil
}

func phases(tx transaction) (*types.Interruption, error) {
	if it := tx.ProcessRequestHeaders(); it != nil {
		return it, nil
	}
	return tx.ProcessRequestBody()
}

// opensSocket reports whether the request opens a WebSocket (RFC 6455, section 4.1):
// it has no body, only what flows afterwards. A request that only claims to do so is
// inspected like any other.
func opensSocket(r *http.Request) bool {
	return chain.IsExtendedConnect(r) || r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ContentLength == 0 && len(r.TransferEncoding) == 0 &&
		strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && r.Header.Get("Sec-Websocket-Key") != "" &&
		strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade")
}

// findingOf collects the rules that fired on a refused request, or on a response, which
// has no table.
func (h *Handler) findingOf(tx transaction, it *types.Interruption, t *parser.Table) *finding {
	status := it.Status
	if status == 0 {
		status = http.StatusForbidden
	}
	found := &finding{rule: "crs", status: status, score: scoreOf(tx)}
	h.series.scores.Observe(float64(found.score))
	for _, rule := range tx.MatchedRules() {
		if len(found.matched) == maxMatches {
			break
		}
		if rule.Message() == "" || !isAttack(rule.Rule().ID()) {
			continue
		}
		found.matched = append(found.matched, match{
			Rule: rule.Rule().ID(), Phase: int(rule.Rule().Phase()), Targets: targetsOf(rule.MatchedDatas(), t),
		})
	}
	return found
}

// How much of one finding is kept.
const (
	maxMatches = 16
	maxTargets = 4
)

// isAttack reports whether a rule detects attacks, as a shop's own rules do. Other
// rules of the Core Rule Set initialize it and add up scores.
func isAttack(id int) bool {
	return id < 900000 || id >= 910000 && id < 949000 || id >= 950000 && id < 959000 || id >= 960000 && id < 980000 || id >= 990000
}

func scoreOf(tx transaction) int {
	for _, value := range tx.Variables().TX().Get("blocking_inbound_anomaly_score") {
		n, _ := strconv.Atoi(value) // empty before the second phase
		return n
	}
	return 0
}
