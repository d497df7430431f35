// Package shieldctl is how operators talk to a running edge: the routes below
// /shield/ of Caddy's admin API, and the commands `theriac shield …`, which use
// nothing else.
//
// It decides nothing: the app in modules/shield does. Client addresses are sent
// in bodies, so that they stay out of the admin API's log. A command whose edge
// does not answer fails and says what to check.
package shieldctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/life"
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

// Routes lists the routes.
func (a *Admin) Routes() []caddy.AdminRoute {
	return append(a.loadRoute(), []caddy.AdminRoute{
		{Pattern: "/shield/status", Handler: a.get(statusOf)},
		{Pattern: "/shield/shops", Handler: a.get(shopsOf)},
		{Pattern: "/shield/explain", Handler: caddy.AdminHandlerFunc(a.explain)},
		{Pattern: "/shield/bans", Handler: caddy.AdminHandlerFunc(a.bans)},
		{Pattern: "/shield/level", Handler: caddy.AdminHandlerFunc(a.setLevel)},
		{Pattern: "/shield/expect", Handler: caddy.AdminHandlerFunc(a.expect)},
		{Pattern: "/shield/levels", Handler: caddy.AdminHandlerFunc(a.levels)},
		{Pattern: "/shield/watch", Handler: caddy.AdminHandlerFunc(a.watch)},
		{Pattern: "/shield/alerts", Handler: a.get(alertsOf)},
		{Pattern: "/shield/alerts/test", Handler: caddy.AdminHandlerFunc(a.testAlerts)},
		{Pattern: "/shield/drain", Handler: caddy.AdminHandlerFunc(a.drain)},
		{Pattern: "/shield/incidents", Handler: caddy.AdminHandlerFunc(a.incidents)},
		{Pattern: "/shield/incident", Handler: caddy.AdminHandlerFunc(a.incident)},
		{Pattern: "/shield/ledger", Handler: caddy.AdminHandlerFunc(a.ledger)},
	}...)
}

// Status describes the edge.
type Status struct {
	Node     string          `json:"node"`
	Draining bool            `json:"draining"`
	Shops    int             `json:"shops"`
	Store    counters.Status `json:"store"`
	Memory   string          `json:"memory_note,omitempty"` // why counts get less memory than configured
	Bans     shield.Mode     `json:"bans"`
	Banned   int64           `json:"banned"`          // bans in force
	Scrub    *client.Status  `json:"scrub,omitempty"` // absent: no scrubber is configured
	Acts     []audit.Act     `json:"acts"`            // the last ones of operators at this edge, the newest first

	Levels   []ShopLevel       `json:"levels"` // of shops that are not left at 0
	Campaign *CampaignReport   `json:"campaign,omitempty"`
	Expected []shield.ShopPeak `json:"expected"` // peaks that were announced and are not over

	Secret   *shield.SecretStatus `json:"secret,omitempty"`         // absent: a random one
	Unusable []string             `json:"unusable_files,omitempty"` // options whose file has changed and cannot be used
}

func statusOf(app *shield.App) any {
	shops, campaign, peaks := levelsOf(app)
	return Status{
		Levels: shops, Campaign: campaign, Expected: peaks,
		Node: app.Node, Draining: life.Draining(), Shops: len(app.Shops()), Store: app.Store().Status(), Memory: app.MemoryNote(),
		Bans: app.Bans.Mode, Banned: app.BansInForce(), Scrub: app.ScrubberStatus(), Acts: app.Acts(),
		Secret: app.SecretStatus(), Unusable: app.Unusable(),
	}
}

// ShopStatus describes one shop.
type ShopStatus struct {
	LevelReport
	ID       shop.ID        `json:"id"`
	Contact  shop.Contact   `json:"contact"`
	Requests int64          `json:"requests"`
	Refused  int64          `json:"refused"`
	Failed   int64          `json:"failed"`
	Stages   map[string]any `json:"stages"`
}

func shopsOf(app *shield.App) any {
	shops := []ShopStatus{}
	for _, s := range app.Shops() {
		shops = append(shops, ShopStatus{
			ID: s.ID, Contact: s.Contact, Stages: s.Stages(), LevelReport: levelOf(app, s),
			Requests: s.Tally.Requests(), Refused: s.Tally.Refused(), Failed: s.Tally.Failed(),
		})
	}
	return shops
}

// get answers GET with a report of the app.
func (a *Admin) get(report func(*shield.App) any) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		app, err := a.asked(r)
		if err != nil {
			return err
		}
		return reply(w, report(app))
	}
}

// asked finds the app for a request that may only ask.
func (a *Admin) asked(r *http.Request) (*shield.App, error) {
	if r.Method != http.MethodGet {
		return nil, wrongMethod(http.MethodGet)
	}
	return a.app()
}

func (a *Admin) app() (*shield.App, error) {
	app, err := a.ctx.AppIfConfigured("shield")
	if err != nil {
		return nil, caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("this edge has no shop behind a shield")}
	}
	return app.(*shield.App), nil
}

// maxBody is the longest request body that is read.
const maxBody = 4096

// read decodes the body of a POST.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	if r.Method != http.MethodPost {
		return wrongMethod(http.MethodPost)
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into); err != nil {
		return badRequest(fmt.Errorf("reading the request body: %w", err))
	}
	return nil
}

// readAct reads the request of an operator's act, in which why is a note for colleagues, and
// finds the app.
func (a *Admin) readAct(w http.ResponseWriter, r *http.Request, into any, why *string) (*shield.App, error) {
	if err := read(w, r, into); err != nil {
		return nil, err
	}
	if err := audit.CheckWhy(*why, longestWhy); err != nil {
		return nil, badRequest(err)
	}
	return a.app()
}

func reply(w http.ResponseWriter, answer any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}

func wrongMethod(want string) error {
	return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method not allowed; use %s", want)}
}

func badRequest(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
}

// Interface guards.
var (
	_ caddy.AdminRouter = (*Admin)(nil)
	_ caddy.Provisioner = (*Admin)(nil)
)
