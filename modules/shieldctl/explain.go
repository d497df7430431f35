package shieldctl

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
)

// Question asks about one client, at one shop or at all.
type Question struct {
	Client    string  `json:"client,omitempty"`    // an address
	Reference string  `json:"reference,omitempty"` // instead: what a visitor read on a page
	Shop      shop.ID `json:"shop,omitempty"`
}

// Explanation is what the stages know about a client.
type Explanation struct {
	Reference string                    `json:"reference"`
	Shops     map[shop.ID][]shield.Fact `json:"shops"`
}

func (a *Admin) explain(w http.ResponseWriter, r *http.Request) error {
	var q Question
	if err := read(w, r, &q); err != nil {
		return err
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	answer, err := explain(app, q, time.Now())
	if err != nil {
		return badRequest(err)
	}
	return reply(w, answer)
}

func explain(app *shield.App, q Question, now time.Time) (Explanation, error) {
	shops := slices.DeleteFunc(app.Shops(), func(s *shield.Shop) bool { return q.Shop != "" && s.ID != q.Shop })
	if len(shops) == 0 {
		return Explanation{}, fmt.Errorf("unknown shop %q; `theriac shield shops` lists the shops of this edge", q.Shop)
	}
	answer := Explanation{Shops: make(map[shop.ID][]shield.Fact)}
	if q.Reference != "" {
		answer.Reference = strings.TrimSpace(q.Reference)
		for _, s := range shops {
			if facts := s.Find(answer.Reference); len(facts) > 0 {
				answer.Shops[s.ID] = facts
			}
		}
		if len(answer.Shops) == 0 {
			return answer, fmt.Errorf("unknown request %q: this edge keeps the last ones of each shop, so ask the other edges, "+
				"and search the log for older ones; if it is a client's reference, ask for the address", answer.Reference)
		}
		return answer, nil
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(q.Client))
	if err != nil {
		return answer, fmt.Errorf("invalid address %q: want the address of a client, such as 192.0.2.7", q.Client)
	}
	client := app.ClientAt(clientip.Plain(addr), now)
	answer.Reference = client.Client.Reference()
	for _, s := range shops {
		answer.Shops[s.ID] = s.Explain(client)
	}
	return answer, nil
}

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain <client address or reference>", Args: cobra.ExactArgs(1),
		Short: "Shows what each stage knows about a client, or why a request was refused",
		RunE: func(cmd *cobra.Command, args []string) error {
			only, err := cmd.Flags().GetString("shop")
			if err != nil {
				return err
			}
			q := Question{Client: args[0], Shop: shop.ID(only)}
			if _, err := netip.ParseAddr(args[0]); err != nil && isReference.MatchString(args[0]) {
				q = Question{Reference: args[0], Shop: shop.ID(only)}
			}
			return ask(cmd, "POST", "/shield/explain", q, printExplanation)
		},
	}
	cmd.Flags().String("shop", "", "only this shop")
	return cmd
}

// isReference matches what visitors read on a page: abcd-efgh.
var isReference = regexp.MustCompile(`^[0-9a-z]{4}-[0-9a-z]{4}$`)

// wafCommand asks for refused requests by the name of the stage that refuses
// them, as operators look for it.
func wafCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "waf", Short: "Asks about requests that the WAF has refused"}
	cmd.AddCommand(&cobra.Command{
		Use: "explain <reference>", Args: cobra.ExactArgs(1),
		Short: "Shows which rules refused a request, and the line that would let it through",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, "POST", "/shield/explain", Question{Reference: args[0]}, printExplanation)
		},
	})
	return cmd
}

func printExplanation(out io.Writer, e Explanation) {
	fmt.Fprintf(out, "reference  %s\n", e.Reference)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tSTAGE\tRULE\tSAYS")
	for _, id := range slices.Sorted(maps.Keys(e.Shops)) {
		for _, f := range e.Shops[id] {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", id, f.Stage, f.Rule, f.Says)
		}
	}
	table.Flush()
}
