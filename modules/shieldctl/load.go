package shieldctl

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield"
)

// loadRoute puts POST /load, which is what `theriac reload` sends, before Caddy's own
// route for /load, so that a reload is recorded with its operator. It does what
// Caddy does, by Caddy's handler. Changes below /config/ cannot be seen like that.
func (a *Admin) loadRoute() []caddy.AdminRoute {
	info, err := caddy.GetModule("admin.api.load")
	if err != nil {
		return nil
	}
	router, ok := info.New().(caddy.AdminRouter)
	if !ok {
		return nil
	}
	for _, route := range router.Routes() {
		if route.Pattern == "/load" {
			return []caddy.AdminRoute{{Pattern: "POST /load", Handler: a.load(route.Handler)}}
		}
	}
	return nil
}

// load has Caddy load a configuration, and records that if one has come into force.
func (a *Admin) load(caddys caddy.AdminHandler) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body) // before others wait for it; Caddy reads it without a bound, too
		if err != nil {
			return badRequest(fmt.Errorf("reading the request body: %w", err))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		before, _ := a.app()
		act := audit.Act{Act: shield.Reload, Who: operatorOf(r)}
		answer := &kept{header: w.Header()}
		app, err := shield.Load(func() error { return caddys.ServeHTTP(answer, r) })
		if err != nil {
			return err
		}
		if app == nil && before != nil && !isShielded() {
			app, act.What = before, "no shop is behind a shield any more"
		}
		if app == nil { // nothing has changed, or there is no shield
			_, err = w.Write(answer.body.Bytes())
			return err
		}
		return concludeRaw(w, r, app, act, answer.body.Bytes())
	}
}

func isShielded() bool {
	_, err := caddy.ActiveContext().AppIfConfigured("shield")
	return err == nil
}

// kept is an answer that waits until it is known how it goes out. Caddy's handler
// sets no status: it returns an error instead.
type kept struct {
	header http.Header
	body   bytes.Buffer
}

// Header returns the header of the answer.
func (k *kept) Header() http.Header { return k.header }

// Write adds to the answer.
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

// WriteHeader does nothing: the status is 200.
func (k *kept) WriteHeader(int) {}
