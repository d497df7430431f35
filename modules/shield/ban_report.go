package shield

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// BansReport is who is banned, and who nearly was.
type BansReport struct {
	Mode  Mode           `json:"mode"`
	Bans  []BanReport    `json:"bans"`
	Notes []Note         `json:"notes"` // the last bans that this edge did not make
	Scrub *client.Status `json:"scrub,omitempty"`
}

// BanReport is one ban.
type BanReport struct {
	Client  string    `json:"client,omitempty"` // its address, if that came to this edge
	Key     string    `json:"key"`              // else: a reference, the same at every edge
	Shop    shop.ID   `json:"shop,omitempty"`   // empty: at all
	Cause   ban.Cause `json:"cause"`
	Rule    string    `json:"rule,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Passed  bool      `json:"passed"`           // the scrubber was told
	Packets uint64    `json:"packets"`          // that it dropped
	Notice  string    `json:"notice,omitempty"` // why it drops none, or customers who came from there
}

func (a *App) reportBans() any {
	h, now := a.house, time.Now()
	report := BansReport{Mode: a.Bans.Mode, Bans: []BanReport{}}
	for _, ban := range h.store.Bans() {
		b := BanReport{
			Key: ban.Key.Reference(), Shop: ban.Shop, Cause: ban.Cause, Rule: ban.Rule, Since: ban.Told, Until: ban.Until,
		}
		if prefix, ok := h.book.whose(ban.Key); ok {
			b.Client = nameOf(prefix)
			state, pushed := h.scrubber.Find(prefix)
			b.Passed, b.Packets, b.Notice = pushed && ban.Shop == "", state.Packets, state.Refused
			if a.vouched(prefix.Addr(), now) && b.Notice == "" {
				b.Notice = "customers came from around it lately"
			}
		}
		report.Bans = append(report.Bans, b)
	}
	slices.SortFunc(report.Bans, func(a, b BanReport) int { return b.Since.Compare(a.Since) })
	for _, old := range h.book.overdue(now) {
		old.end(refused)
	}
	report.Notes = h.book.noted()
	if a.Scrubd != "" {
		state := h.scrubber.Status()
		report.Scrub = &state
	}
	return report
}

// nameOf is a prefix as people write it.
func nameOf(prefix netip.Prefix) string {
	if prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return prefix.String()
}

// bans answers GET with the list, and POST by carrying out an order. Addresses
// stand in bodies, so that they stay out of the admin's log.
func (a *Admin) bans(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet {
		return a.get((*App).reportBans)(w, r)
	}
	if r.Method != http.MethodPost {
		return wrongMethod("GET or POST")
	}
	var o BanOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&o); err != nil {
		return badRequest(fmt.Errorf("reading the order: %w", err))
	}
	if o.Client == "" {
		return badRequest(errors.New("whose ban? name an address or a prefix"))
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	done, err := app.order(&o, time.Now())
	if err != nil {
		return badRequest(err)
	}
	return reply(w, done)
}

// explainBan says whether a client is banned at a shop, and whether customers
// keep it from being.
func (a *App) explainBan(c Client, at shop.ID) (facts []Fact) {
	say := func(rule, format string, args ...any) {
		facts = append(facts, Fact{Stage: "ban", Rule: rule, Says: fmt.Sprintf(format, args...)})
	}
	spared := a.spares(c.Addr)
	for _, prefix := range []netip.Prefix{clientOf(c.Addr), netOf(c.Addr)} {
		ban, ok := a.house.store.Banned(a.house.hasher.Ban(prefix), at, c.Now)
		if !ok {
			continue
		}
		where, is := "at all shops", "is refused"
		if ban.Shop != "" {
			where = "at this shop"
		}
		if spared || a.Bans.Mode != BansOn {
			is = "would be refused"
		}
		say(ban.Cause.String(), "%s %s %s until %s, since %s; rule %q", nameOf(prefix), is, where,
			ban.Until.Local().Format(time.DateTime), ban.Told.Local().Format(time.TimeOnly), ban.Rule)
	}
	if spared {
		say("allow", "never banned: on the list `allow`, a trusted proxy, or a partner's address")
	}
	if a.vouched(c.Addr, c.Now) {
		say("guard", "customers came from %s in the last minutes: nobody there is banned, only limited", netOf(c.Addr))
	}
	return facts
}
