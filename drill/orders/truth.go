// Package orders asks a demo shop what became of the orders that customers sent.
//
// The shop is asked directly and not through an edge. An order is lost that a
// customer sent and the shop does not have, and doubled if the shop has it more than
// once. A shop that does not answer is an error, never an order.
package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/hint"
)

// Truth is a shop's own account of what reached it (demoshop.Truth), read
// directly and not through the edge.
type Truth struct{ url string }

// Open reads the URL of a shop's account; loopback only.
func Open(raw string) (*Truth, error) {
	u, target, err := load.Loopback("truth", raw)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/_truth"
	}
	u.Host, u.RawQuery, u.Fragment = target.String(), "", ""
	return &Truth{u.String()}, nil
}

// truthTimeout is generous: right after a flood the machine may still be busy.
const truthTimeout = 30 * time.Second

// ask sends one request and decodes the answer.
func (t *Truth) ask(ctx context.Context, method string, query url.Values, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, truthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, t.url+"?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("asking the shop at %s: %w", t.url, err)
	}
	resp, err := load.Direct.Do(req)
	if err != nil {
		return hint.Errorf("the shop's own address, as `theriac demo` prints it, not the edge's", "asking the shop: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return hint.Errorf("the shop's own address, as `theriac demo` prints it, not the edge's",
			"asking the shop at %s: it answered %s", t.url, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading the answer of the shop at %s: %w", t.url, err)
	}
	return nil
}

// Counts reads the shop's counts.
func (t *Truth) Counts(ctx context.Context) (c demoshop.Truth, err error) {
	err = t.ask(ctx, http.MethodGet, nil, &c)
	return c, err
}

// Orders reads all orders and returns the numbers of those whose reference
// begins with prefix, by reference.
func (t *Truth) Orders(ctx context.Context, prefix string) (map[string][]string, error) {
	var all []demoshop.Order
	if err := t.ask(ctx, http.MethodGet, url.Values{"orders": {"all"}}, &all); err != nil {
		return nil, err
	}
	found := make(map[string][]string)
	for _, o := range all {
		if strings.HasPrefix(o.Reference, prefix) {
			found[o.Reference] = append(found[o.Reference], o.No)
		}
	}
	return found, nil
}

// ReportLost reports to the shop the draft of an order that it does not have.
func (t *Truth) ReportLost(ctx context.Context, draft string) error {
	return t.ask(ctx, http.MethodPost, url.Values{"lost": {draft}}, new(demoshop.Truth))
}
