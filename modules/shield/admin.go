package shield

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(Admin))
}

// Admin answers operators at Caddy's admin address, below /shield/.
type Admin struct {
	ctx caddy.Context
}

// CaddyModule says how Caddy finds the admin routes.
func (*Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.shield", New: func() caddy.Module { return new(Admin) }}
}

// Provision keeps the context in which the app is found later: the admin
// routes are set up before the apps.
func (a *Admin) Provision(ctx caddy.Context) error {
	a.ctx = ctx
	return nil
}

// Routes lists what can be asked.
func (a *Admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/shield/status", Handler: a.get((*App).report)},
		{Pattern: "/shield/shops", Handler: a.get((*App).reportShops)},
		{Pattern: "/shield/explain", Handler: caddy.AdminHandlerFunc(a.explain)},
		{Pattern: "/shield/bans", Handler: caddy.AdminHandlerFunc(a.bans)},
		{Pattern: "/shield/level", Handler: caddy.AdminHandlerFunc(a.setLevel)},
	}
}

// Report is how the edge is.
type Report struct {
	Node   string          `json:"node"`
	Shops  int             `json:"shops"`
	Store  counters.Status `json:"store"`
	Bans   Mode            `json:"bans"`
	Banned int64           `json:"banned"`          // bans in force
	Scrub  *client.Status  `json:"scrub,omitempty"` // the scrubber below, if there is to be one
}

func (a *App) report() any {
	book := a.house.book
	r := Report{
		Node: a.Node, Shops: len(a.shops), Store: a.house.store.Status(),
		Bans: a.Bans.Mode, Banned: book.all.Load() + book.some.Load(),
	}
	if a.Scrubd != "" {
		state := a.house.scrubber.Status()
		r.Scrub = &state
	}
	return r
}

// ShopReport is how one shop is.
type ShopReport struct {
	ID       shop.ID        `json:"id"`
	Contact  shop.Contact   `json:"contact"`
	Level    shop.Level     `json:"level"`
	Until    time.Time      `json:"until,omitzero"` // when the shop is calm again
	Requests int64          `json:"requests"`
	Refused  int64          `json:"refused"`
	Failed   int64          `json:"failed"`
	Stages   map[string]any `json:"stages"`
}

func (a *App) reportShops() any {
	reports := []ShopReport{}
	for _, s := range a.Shops() {
		alert := s.Alert()
		reports = append(reports, ShopReport{
			ID: s.ID, Contact: s.Contact, Stages: s.stages, Level: alert.Level, Until: alert.Until, Requests: s.Tally.Requests.Load(),
			Refused: s.Tally.Refused.Load(), Failed: s.Tally.Failed.Load(),
		})
	}
	return reports
}

// Order sets a shop's level.
type Order struct {
	Shop  shop.ID    `json:"shop"`
	Level shop.Level `json:"level"`
	For   string     `json:"for,omitempty"` // such as 30m; default: until somebody says otherwise
}

// Done is the answer to an order that was carried out.
type Done struct {
	Shop   shop.ID    `json:"shop"`
	Level  shop.Level `json:"level"`
	Notice string     `json:"notice,omitempty"` // what an operator should know of it
}

func (a *Admin) setLevel(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return wrongMethod(http.MethodPost)
	}
	var o Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&o); err != nil {
		return badRequest(fmt.Errorf("reading the order: %w", err))
	}
	if _, err := shop.ParseLevel(strconv.Itoa(int(o.Level))); err != nil {
		return badRequest(err)
	}
	var lasts time.Duration
	if o.For != "" {
		var err error
		if lasts, err = caddy.ParseDuration(o.For); err != nil || lasts <= 0 {
			return badRequest(fmt.Errorf("%q is no time to last, such as 30m", o.For))
		}
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	done := Done{Shop: o.Shop, Level: o.Level}
	switch err := app.SetLevel(r.Context(), o.Shop, o.Level, lasts); {
	case errors.Is(err, errUnshared):
		done.Notice = err.Error()
	case err != nil:
		return badRequest(err)
	}
	return reply(w, done)
}

// get answers GET with what the app says.
func (a *Admin) get(report func(*App) any) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodGet {
			return wrongMethod(http.MethodGet)
		}
		app, err := a.app()
		if err != nil {
			return err
		}
		return reply(w, report(app))
	}
}

func (a *Admin) app() (*App, error) {
	app, err := a.ctx.AppIfConfigured("shield")
	if err != nil {
		return nil, caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("this edge has no shop behind a shield")}
	}
	return app.(*App), nil
}

func reply(w http.ResponseWriter, answer any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}

func wrongMethod(want string) error {
	return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("use %s", want)}
}

func badRequest(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
}

// Interface guards.
var (
	_ caddy.AdminRouter = (*Admin)(nil)
	_ caddy.Provisioner = (*Admin)(nil)
)
