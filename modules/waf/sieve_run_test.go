package waf

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/modules/waf/rules"
	"github.com/theriac-edge/theriac/parser"
)

const (
	harmless = "/suche?q=Ibuprofen+400"
	attack   = "/suche?q=%3Cscript%3Ealert(1)%3C/script%3E"
)

// TestSieve runs what needs an engine on one, since building takes a second.
func TestSieve(t *testing.T) {
	t.Parallel()
	sievedShop(t, &Handler{})
	t.Run("clean without Coraza", testCleanRequestNeedsNoCoraza)
	t.Run("reduced", testReducedRunFindsTheSame)
	t.Run("response", testCleanRequestKeepsTheResponse)
	t.Run("panic", testSieveThatPanics)
	t.Run("audit of a fault", testAuditSeesAFault)
	t.Run("audit", testAuditOfASoundSieve)
}

// inspects returns how one request ends, and the rules that have matched.
func (h *Handler) inspects(t *testing.T, target string) (refused bool, matched []int) {
	t.Helper()
	r := asked(http.MethodGet, target, "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Accept: text/html")
	found, open := h.run(r, tableOf(t, target, r, ""))
	if open != nil {
		t.Fatalf("%s: the transaction is still open", target)
	}
	if found == nil {
		return false, nil
	}
	for _, m := range found.matched {
		matched = append(matched, m.Rule)
	}
	return true, matched
}

// unaudited has the shop's requests not audited, so that a test sees what the sieve does.
func (h *Handler) unaudited() *Handler {
	h.engine.judged.Store(firstJudged)
	h.sifter.every = 1 << 60
	return h
}

// testCleanRequestNeedsNoCoraza: the engine of this shop panics whenever it is asked.
func testCleanRequestNeedsNoCoraza(t *testing.T) {
	h, _ := sievedShop(t, &Handler{})
	h.engine = &engine{waf: broken{}}
	h.unaudited()
	if refused, _ := h.inspects(t, harmless); refused {
		t.Error("a clean request is refused")
	}
	if refused, _ := h.inspects(t, attack); !refused {
		t.Error("an attack passes, although nobody has inspected it")
	}
}

// testReducedRunFindsTheSame, also with the response still to be inspected.
func testReducedRunFindsTheSame(t *testing.T) {
	h, _ := sievedShop(t, &Handler{})
	h.unaudited()
	refused, matched := h.inspects(t, attack)
	h.sifter = nil
	all, want := h.inspects(t, attack)
	if !refused || !all || len(want) == 0 || !slices.Equal(matched, want) {
		t.Errorf("refused %t for rules %v, want %t for %v", refused, matched, all, want)
	}
}

// testCleanRequestKeepsTheResponse: the transaction goes on to the response, with the rules
// about it.
func testCleanRequestKeepsTheResponse(t *testing.T) {
	h, _ := sievedShop(t, &Handler{Responses: true})
	h.unaudited()
	r := asked(http.MethodGet, harmless, "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html")
	found, tx := h.run(r, tableOf(t, harmless, r, ""))
	if found != nil || tx == nil {
		t.Fatalf("found %v, open %t", found, tx != nil)
	}
	defer h.finish(tx)
	tx.AddResponseHeader("Content-Type", "text/html")
	it := tx.ProcessResponseHeaders(http.StatusOK, "HTTP/1.1")
	if it == nil {
		_, _, _ = tx.WriteResponseBody([]byte("You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version"))
		it, _ = tx.ProcessResponseBody()
	}
	if it == nil {
		t.Error("a database error in the response is not found")
	}
}

// testSieveThatPanics: all rules inspect the request, and the log has no value.
func testSieveThatPanics(t *testing.T) {
	h, logged := sievedShop(t, &Handler{})
	h.sifter.judge = &judge{}
	for target, want := range map[string]bool{harmless: false, attack: true} {
		if refused, _ := h.inspects(t, target); refused != want {
			t.Errorf("%s: refused %t", target, refused)
		}
	}
	if logged.Len() == 0 || !strings.HasPrefix(logged.All()[0].Message, "the sieve panicked") {
		t.Errorf("the log has %v", logged.All())
	}
}

// testAuditSeesAFault: a sieve that does not know the rules about scripts lets one through,
// until an audit compares it with all rules. From then on all rules inspect each request.
func testAuditSeesAFault(t *testing.T) {
	h, logged := sievedShop(t, &Handler{})
	text, err := rules.Text()
	if err != nil {
		t.Fatal(err)
	}
	unsound, err := compileSieve(text + "\nSecRuleRemoveById 941000-941999 9900000-9909999")
	if err != nil {
		t.Fatal(err)
	}
	if h.sifter, err = newSifter(unsound, h.steps, 1000); err != nil {
		t.Fatal(err)
	}
	h.unaudited()
	if refused, _ := h.inspects(t, attack); refused {
		t.Fatal("the fault makes no difference, so this test says nothing")
	}
	h.sifter.every = 1
	if refused, _ := h.inspects(t, attack); !refused {
		t.Error("an audited request does not have the verdict of all rules")
	}
	if !h.engine.distrusted.Load() || logged.Len() != 1 {
		t.Errorf("distrusted %t, the log has %v", h.engine.distrusted.Load(), logged.All())
	}
	h.unaudited()
	if refused, _ := h.inspects(t, attack); !refused {
		t.Error("the sieve is still asked")
	}
	h.engine.distrusted.Store(false) // others share the engine
}

// testAuditOfASoundSieve sees no difference, of clean and of reduced requests.
func testAuditOfASoundSieve(t *testing.T) {
	h, logged := sievedShop(t, &Handler{SieveAudit: 1})
	corpus := samples(t)
	for k := 0; k < len(corpus); k += 150 {
		if table, wrong := parser.ReadHeader(corpus[k].Request, h.Bounds.limits()); wrong == nil && table.ReadBody(corpus[k].Request, corpus[k].body) == nil {
			h.run(corpus[k].Request, table)
		}
	}
	h.inspects(t, attack)
	if h.engine.distrusted.Load() || logged.Len() > 0 {
		t.Errorf("distrusted %t, the log has %v", h.engine.distrusted.Load(), logged.All())
	}
}
