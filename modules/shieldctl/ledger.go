package shieldctl

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/incident/report"
)

// LedgerReport is the ledger of a month.
type LedgerReport struct {
	Month   string           `json:"month"`
	Lines   []incident.Line  `json:"lines"`
	Totals  []incident.Total `json:"totals"` // of each shop
	Notices []string         `json:"notices,omitempty"`
}

func (a *Admin) ledger(w http.ResponseWriter, r *http.Request) error {
	app, keeper, err := a.keeper(r, http.MethodGet)
	if err != nil {
		return err
	}
	of, err := shopIn(r)
	if err != nil {
		return err
	}
	month := r.URL.Query().Get("month")
	if month == "" {
		month = app.Time(time.Now()).UTC().Format("2006-01")
	}
	lines, notices, err := keeper.Ledger(r.Context(), month)
	if err != nil {
		return badRequest(err)
	}
	lines = slices.DeleteFunc(lines, func(l incident.Line) bool { return of != "" && l.Shop != of })
	return reply(w, LedgerReport{Month: month, Lines: lines, Totals: append([]incident.Total{}, incident.Totals(lines)...), Notices: notices})
}

func ledgerCommand() *cobra.Command {
	var month, of, format string
	cmd := &cobra.Command{
		Use: "ledger", Args: cobra.NoArgs,
		Short: "Shows the ledger of a month: what was promised, and what was measured",
		Long: `
Shows the ledger of a month: for each attack on each shop how soon it was detected and how
soon customers were served well again, whether that is what was promised, and the totals
of each shop. What could not be measured is neither met nor missed.`,
		Example: "  theriac shield ledger --month 2026-11 --shop loewen --format csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			print := map[string]func(io.Writer, LedgerReport){"text": printLedger, "csv": printLedgerCSV, "json": nil}
			chosen, ok := print[format]
			if !ok {
				return fmt.Errorf("invalid --format %q: want text, json or csv", format)
			}
			query := url.Values{}
			for name, value := range map[string]string{"month": month, "shop": of} {
				if value != "" {
					query.Set(name, value)
				}
			}
			uri := "/shield/ledger?" + query.Encode()
			if chosen == nil {
				raw, err := request(cmd, "GET", uri, nil)
				if err == nil {
					_, err = cmd.OutOrStdout().Write(raw)
				}
				return err
			}
			return ask(cmd, "GET", uri, nil, chosen)
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "which month in UTC, such as 2026-11; default: this one")
	cmd.Flags().StringVar(&of, "shop", "", "only of this shop")
	cmd.Flags().StringVar(&format, "format", "text", "text, json or csv")
	return cmd
}

func printLedger(out io.Writer, r LedgerReport) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tINCIDENT\tATTACK\tDETECTED\tSERVED WELL\tPROMISED\tRESULT\tLATE\tHARM\tORDERS")
	for i := range r.Lines {
		l := &r.Lines[i]
		orders := report.Count(l.Orders)
		if l.OrdersExpected != nil {
			orders += " of " + report.Figure(*l.OrdersExpected)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s, %s\t%s\t%s\t%s\t%s\n", orAll(string(l.Shop)), l.Incident, l.Vector, after(l.Detect), after(l.Mitigate),
			report.Span(l.TargetDetect), report.Span(l.TargetMitigate), l.Result, report.Span(l.Breach), report.Span(l.HarmSeconds), orders)
	}
	table.Flush()
	if len(r.Totals) > 0 {
		fmt.Fprintln(out)
	}
	table = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(r.Totals) > 0 {
		fmt.Fprintln(table, "SHOP\tINCIDENTS\tMET\tMISSED\tNOT MEASURABLE\tMEDIAN\tWORST\tLATE\tHARM")
	}
	for _, t := range r.Totals {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", orAll(string(t.Shop)), t.Incidents, t.Met, t.Missed, t.NotMeasurable,
			after(t.Median), after(t.Worst), report.Span(t.Breach), report.Span(t.HarmSeconds))
	}
	table.Flush()
	for _, n := range r.Notices {
		fmt.Fprintln(out, n)
	}
}

// orAll names the tier, whose incidents have no shop.
func orAll(id string) string {
	if id == "" {
		return "all shops"
	}
	return id
}

// printLedgerCSV prints the lines for a spreadsheet (RFC 4180). What was not measured is empty.
func printLedgerCSV(out io.Writer, r LedgerReport) {
	table := csv.NewWriter(out)
	rows := [][]string{{
		"month", "shop", "incident", "vector", "onset", "target_detect", "target_mitigate", "detect", "alert", "act", "mitigate",
		"result", "breach", "harm_seconds", "consistency", "orders", "orders_expected",
	}}
	for i := range r.Lines {
		l := &r.Lines[i]
		rows = append(rows, []string{
			l.Month, string(l.Shop), l.Incident, l.Vector, l.Onset.UTC().Format(time.RFC3339),
			whole(&l.TargetDetect), whole(&l.TargetMitigate), whole(l.Detect), whole(l.Alert), whole(l.Act), whole(l.Mitigate),
			string(l.Result), whole(&l.Breach), whole(&l.HarmSeconds), decimal(l.Consistency), whole(&l.Orders), decimal(l.OrdersExpected),
		})
	}
	_ = table.WriteAll(rows) // stdout
}

func whole(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func decimal(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', 3, 64)
}
