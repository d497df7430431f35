package shieldctl

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/banindex"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// BansReport lists the bans that hold, and the last ones that were not made.
type BansReport struct {
	Mode  shield.Mode     `json:"mode"`
	Bans  []BanReport     `json:"bans"`
	Notes []banindex.Note `json:"notes"`
	Scrub *client.Status  `json:"scrub,omitempty"`
}

// BanReport is one ban.
type BanReport struct {
	Client  string    `json:"client,omitempty"` // the banned address or prefix, if it came to this edge
	Key     string    `json:"key"`              // a reference to it, the same at every edge
	Shop    shop.ID   `json:"shop,omitempty"`   // empty: at all shops
	Cause   ban.Cause `json:"cause"`
	Rule    string    `json:"rule,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Pushed  bool      `json:"pushed"`           // to the scrubber
	Packets uint64    `json:"packets"`          // that the scrubber dropped
	Notice  string    `json:"notice,omitempty"` // why the scrubber does not apply it, or that customers came from there
}

func bansOf(app *shield.App) any {
	now := time.Now()
	report := BansReport{Mode: app.Bans.Mode, Bans: []BanReport{}, Notes: app.NotBanned(), Scrub: app.ScrubberStatus()}
	for _, b := range app.Store().Bans() {
		line := BanReport{
			Key: b.Key.Reference(), Shop: b.Shop, Cause: b.Cause, Rule: b.Rule, Since: b.Told, Until: b.Until,
		}
		if prefix, ok := app.PrefixOf(b.Key); ok {
			state, pushed := app.FindPushed(prefix)
			line.Client = clientip.FormatPrefix(prefix)
			line.Pushed, line.Packets, line.Notice = pushed && b.Shop == "", state.Packets, state.Refused
			if line.Notice == "" && app.Protected(prefix.Addr(), now) {
				line.Notice = "customers came from the same subnet lately"
			}
		}
		report.Bans = append(report.Bans, line)
	}
	slices.SortFunc(report.Bans, func(a, b BanReport) int { return b.Since.Compare(a.Since) })
	return report
}

// BanRequest bans a client or a subnet, or lifts that.
type BanRequest struct {
	Client string  `json:"client"`          // an address, a /24 or a /48
	Shop   shop.ID `json:"shop,omitempty"`  // at which shop; default: at all
	For    string  `json:"for,omitempty"`   // such as 30m; default: 1h
	Why    string  `json:"why,omitempty"`   // a note for colleagues
	Force  bool    `json:"force,omitempty"` // even if customers came from there lately
	Lift   bool    `json:"lift,omitempty"`  // lift the ban instead
}

// BanResponse answers a BanRequest that was carried out.
type BanResponse struct {
	Client  string    `json:"client"`
	Shop    shop.ID   `json:"shop,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Lifted  int       `json:"lifted,omitempty"`  // number of bans that were lifted
	Notices []string  `json:"notices,omitempty"` // what an operator should know
}

// bans answers GET with the list, and POST by banning or lifting.
func (a *Admin) bans(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return a.get(bansOf)(w, r)
	case http.MethodPost:
	default:
		return wrongMethod("GET or POST")
	}
	var q BanRequest
	if err := read(w, r, &q); err != nil {
		return err
	}
	if q.Client == "" {
		return badRequest(errors.New("missing client: want an address or a prefix"))
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	operator := operatorOf(r)
	done, err := q.carryOut(app, time.Now())
	if err != nil {
		return badRequest(err)
	}
	act := audit.Act{Act: "ban", Who: operator, What: done.Client, Shop: string(done.Shop), Why: q.Why, Until: done.Until}
	switch {
	case q.Lift:
		act.Act = "unban"
	case q.Force:
		act.What += " --force"
	}
	return conclude(w, r, app, act, done)
}

func (q *BanRequest) carryOut(app *shield.App, now time.Time) (BanResponse, error) {
	prefix, err := parseTarget(q.Client)
	if err != nil {
		return BanResponse{}, err
	}
	if err := audit.CheckWhy(q.Why, longestWhy); err != nil {
		return BanResponse{}, err
	}
	done := BanResponse{Client: clientip.FormatPrefix(prefix), Shop: q.Shop}
	if q.Lift {
		done.Shop = ""
		done.Lifted, done.Notices = app.Unban(prefix, now)
		return done, nil
	}
	lasts, err := q.lasts()
	if err != nil {
		return done, err
	}
	done.Until = now.Add(lasts)
	done.Notices, err = app.BanManually(shield.ManualBan{Prefix: prefix, Shop: q.Shop, Why: q.Why, Until: done.Until, Force: q.Force}, now)
	return done, err
}

const (
	usualBan   = time.Hour
	longestBan = 30 * 24 * time.Hour
	longestWhy = 64
)

func (q *BanRequest) lasts() (time.Duration, error) {
	if q.For == "" {
		return usualBan, nil
	}
	lasts, err := caddy.ParseDuration(q.For)
	if err != nil || lasts <= 0 || lasts > longestBan {
		return 0, fmt.Errorf("invalid duration %q: want 1s to 30d, such as 30m", q.For)
	}
	return lasts, nil
}

// parseTarget reads what an operator wants banned: one client, or a /24 or /48.
// Nothing wider is ever banned, and nothing between the two can be looked up.
func parseTarget(text string) (netip.Prefix, error) {
	prefix, err := clientip.ParsePrefix(strings.TrimSpace(text))
	if err != nil {
		return prefix, err
	}
	addr := prefix.Addr()
	if addr.Is4In6() {
		prefix, addr = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96), addr.Unmap()
	}
	one, subnet := clientip.Prefix(addr), clientip.Subnet(addr)
	switch {
	case addr.IsUnspecified() || addr.IsMulticast():
		return prefix, fmt.Errorf("invalid address %s: it is unspecified or multicast", addr)
	case prefix.Bits() < subnet.Bits():
		return prefix, fmt.Errorf("%s is too wide: at most a /24, or a /48 of IPv6, can be banned; for more, lower the limits or ask your network's operator", prefix)
	case prefix.Bits() == subnet.Bits():
		return subnet, nil
	case prefix.Bits() >= one.Bits():
		return one, nil // of IPv6 the /64: it is one customer's
	}
	return prefix, fmt.Errorf("%s is neither one client nor a whole subnet: want a single address, or %s", prefix, subnet)
}
