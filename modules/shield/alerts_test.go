package shield

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/counters"
)

// TestAlertHooks: what keeps the incidents hears of the first receiver that takes an alert, and is
// asked what is open; without it nothing is.
func TestAlertHooks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	for _, hooked := range []bool{false, true} {
		accepted := make(chan string, 2)
		store := counters.NewMemory(1 << 20)
		t.Cleanup(func() { _ = store.Close() })
		a := &App{Node: "fra-1", log: zap.NewNop(), runtime: &runtime{store: store}}
		if hooked {
			a.runtime.alertHooks.accepted = func(incident string, _ time.Time) { accepted <- incident }
			a.runtime.alertHooks.open = func() []alert.Event { return []alert.Event{{Incident: "one"}} }
		}
		a.Alerts = &alert.Config{Webhooks: []alert.Webhook{{URL: server.URL}}}
		if err := a.readAlerts(); err != nil {
			t.Fatal(err)
		}
		a.useAlerts()
		a.Alert(alert.Event{Incident: "one", Kind: alert.Opened})
		a.alerts.End()
		if hooked != (len(accepted) == 1) {
			t.Errorf("hooks set: %v, and %d calls", hooked, len(accepted))
		}
		open := a.openAlerts()
		if hooked != (len(open) == 1) {
			t.Errorf("hooks set: %v, open: %+v", hooked, open)
		}
	}
}

// TestAlertWithoutReceivers: an edge that tells nobody goes on, and a test says so.
func TestAlertWithoutReceivers(t *testing.T) {
	a := new(App)
	if err := a.readAlerts(); err != nil {
		t.Fatal(err)
	}
	a.Alert(alert.Event{Incident: "one"})
	if _, err := a.TestAlert(t.Context(), ""); err == nil || len(a.AlertStatus()) > 0 {
		t.Errorf("error %v, %d receivers", err, len(a.AlertStatus()))
	}
}
