package waf

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/shop"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// broken is an engine that fails in one of two places.
type broken struct {
	coraza.WAF
	late bool
}

func (b broken) NewTransaction() types.Transaction {
	if b.late {
		return brokenTransaction{}
	}
	panic("a value of the request")
}

type brokenTransaction struct{ transaction }

func (brokenTransaction) ProcessConnection(string, int, string, int) { panic("a value of the request") }
func (brokenTransaction) Close() error                               { return nil }

// TestEngineThatPanics: the request is refused, the edge lives on, and the log
// has no value.
func TestEngineThatPanics(t *testing.T) {
	for name, late := range map[string]bool{"making a transaction": false, "in a phase": true} {
		t.Run(name, func(t *testing.T) {
			core, logged := observer.New(zap.DebugLevel)
			h := &Handler{
				engine: &engine{waf: broken{late: late}}, series: seriesOf("fault"), log: zap.New(core),
				budget: newBudget(1, caddy.Duration(time.Second)), store: counters.NewMemory(1 << 20),
			}
			found, open := h.inspect(httptest.NewRequest(http.MethodGet, "/", nil), new(shop.Visit), new(parser.Table), false)
			if found == nil || found.rule != "engine" || found.status != http.StatusForbidden || open != nil {
				t.Errorf("the finding is %+v, open %v", found, open)
			}
			if logged.Len() != 1 || logged.All()[0].ContextMap()["fault"] != "string" {
				t.Errorf("the log has %v", logged.All())
			}
		})
	}
}
