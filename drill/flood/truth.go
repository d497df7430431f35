package flood

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

// truth is a shop's own account of what reached it (demoshop.Truth), read
// directly and not through the edge.
type truth struct{ url string }

func newTruth(raw string) (*truth, error) {
	u, target, err := load.Loopback("truth", raw)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/_truth"
	}
	u.Host, u.RawQuery, u.Fragment = target.String(), "", ""
	return &truth{u.String()}, nil
}

// truthTimeout is generous: right after a flood the machine may still be busy.
const truthTimeout = 30 * time.Second

// ask sends one request and decodes the answer.
func (t *truth) ask(ctx context.Context, method string, query url.Values, answer any) error {
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

// counts reads the shop's counts.
func (t *truth) counts(ctx context.Context) (c demoshop.Truth, err error) {
	err = t.ask(ctx, http.MethodGet, nil, &c)
	return c, err
}

// orders reads all orders and returns the numbers of those whose reference
// begins with prefix, by reference.
func (t *truth) orders(ctx context.Context, prefix string) (map[string][]string, error) {
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

// reportLost reports to the shop the draft of an order that it does not have.
func (t *truth) reportLost(ctx context.Context, draft string) error {
	return t.ask(ctx, http.MethodPost, url.Values{"lost": {draft}}, new(demoshop.Truth))
}
