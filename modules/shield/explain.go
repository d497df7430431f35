package shield

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// Question asks about one client, at one shop or at all.
type Question struct {
	Client    string `json:"client,omitempty"`    // an address
	Reference string `json:"reference,omitempty"` // instead: what a visitor read on a page
	Shop      string `json:"shop,omitempty"`
}

// Explanation is what the stages know about a client.
type Explanation struct {
	Reference string             `json:"reference"`
	Shops     map[shop.ID][]Fact `json:"shops"`
}

// explain takes the address in the body, not in the path, so that it stays
// out of the admin's log.
func (a *Admin) explain(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return wrongMethod(http.MethodPost)
	}
	var q Question
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&q); err != nil {
		return badRequest(fmt.Errorf("reading the question: %w", err))
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	if q.Reference != "" {
		answer, err := app.find(strings.TrimSpace(q.Reference), shop.ID(q.Shop))
		if err != nil {
			return badRequest(err)
		}
		return reply(w, answer)
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(q.Client))
	if err != nil {
		return badRequest(fmt.Errorf("%q is no address of a client", q.Client))
	}
	answer, err := app.explain(addr, shop.ID(q.Shop), time.Now())
	if err != nil {
		return badRequest(err)
	}
	return reply(w, answer)
}

// find asks the stages for a request by its reference.
func (a *App) find(reference string, only shop.ID) (Explanation, error) {
	answer := Explanation{Reference: reference, Shops: make(map[shop.ID][]Fact)}
	for _, s := range a.Shops() {
		if only != "" && s.ID != only {
			continue
		}
		for _, find := range s.finders {
			if facts := find(reference); len(facts) > 0 {
				answer.Shops[s.ID] = append(answer.Shops[s.ID], facts...)
			}
		}
	}
	if len(answer.Shops) == 0 {
		return answer, fmt.Errorf("this edge knows no request %q: it keeps the last ones of each shop, so ask the other edges, "+
			"and the log for older ones; if it is a client's reference, ask for the address", reference)
	}
	return answer, nil
}

func (a *App) explain(addr netip.Addr, only shop.ID, now time.Time) (Explanation, error) {
	hasher := a.Hasher()
	client := Client{Addr: addr.Unmap(), Client: hasher.Client(now, addr), Subnet: hasher.Subnet(now, addr), Now: now}
	answer := Explanation{Reference: client.Client.Reference(), Shops: make(map[shop.ID][]Fact)}
	for _, s := range a.Shops() {
		if only != "" && s.ID != only {
			continue
		}
		facts := append([]Fact{}, a.explainBan(client, s.ID)...)
		for _, explain := range s.explains {
			facts = append(facts, explain(client)...)
		}
		answer.Shops[s.ID] = facts
	}
	if len(answer.Shops) == 0 {
		return answer, fmt.Errorf("no shop %q here; `theriac shield shops` lists them", only)
	}
	return answer, nil
}
