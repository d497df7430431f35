package alert_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/theriac-edge/theriac/alert"
)

func Example() {
	chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(string(body))
	}))
	defer chat.Close()

	alerts, err := alert.New(alert.Config{
		Webhooks: []alert.Webhook{{Name: "chat", URL: chat.URL, Format: "slack", On: []alert.Kind{alert.Opened, alert.Over}}},
	}, "fra-1", alert.Hooks{
		Outcome: func(receiver string, o alert.Outcome, n int, err error) { fmt.Println(receiver, o, n, err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	alerts.Send(alert.Event{
		Incident: "20261129-1042-loewen", Kind: alert.Opened, Severity: alert.Critical,
		Shop: "loewen", ShopName: "Löwen Apotheke", Level: 2, Words: "Many strangers that behave unlike browsers.",
		At: time.Date(2026, 11, 29, 10, 42, 3, 0, time.UTC),
	})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	alerts.Close(ctx)
	// Output:
	// {"text":"Löwen Apotheke: attacked, level 2 attack","mrkdwn":false,"attachments":[{"fallback":"Löwen Apotheke: attacked, level 2 attack","color":"#c62828","text":"Many strangers that behave unlike browsers.","fields":[{"title":"Incident","value":"20261129-1042-loewen","short":true},{"title":"Began","value":"2026-11-29 10:42:03 UTC","short":true}],"footer":"Theriac fra-1","ts":1795948923}]}
	// chat delivered 1 <nil>
}
