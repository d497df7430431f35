package shieldctl

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/incident/report"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
)

func incidentsCommand() *cobra.Command {
	var of, since string
	cmd := &cobra.Command{
		Use: "incidents", Args: cobra.NoArgs,
		Short: "Lists the incidents: attacks and how they were handled",
		Long: `
Lists the incidents of all edges that are open, and those of the last 30 days: when each
began, how long it lasted, what it was, how soon it was detected, how soon customers were
served well again, and whether that is what was promised.`,
		Example: "  theriac shield incidents --shop loewen --since 2026-11-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if of != "" {
				query.Set("shop", of)
			}
			if since != "" {
				from, err := parseSince(since)
				if err != nil {
					return err
				}
				query.Set("since", from.UTC().Format(time.RFC3339))
			}
			return ask(cmd, "GET", "/shield/incidents?"+query.Encode(), nil, printIncidents)
		},
	}
	cmd.Flags().StringVar(&of, "shop", "", "only of this shop")
	cmd.Flags().StringVar(&since, "since", "", "only those that went on after this time, such as 2026-11-01; default: 30 days ago")
	cmd.AddCommand(showCommand(), exportCommand(), noteCommand())
	return cmd
}

// parseSince reads a day, or a time as parseTime does.
func parseSince(text string) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return day, nil
	}
	return parseTime(text, time.Local)
}

func showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show <incident>", Args: cobra.ExactArgs(1),
		Short:   "Shows an incident: its times, what it cost, what was done",
		Example: "  theriac shield incidents show 20261129-1042-loewen",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, "GET", "/shield/incident?id="+url.QueryEscape(args[0]), nil, printIncident)
		},
	}
}

func exportCommand() *cobra.Command {
	var format, file string
	cmd := &cobra.Command{
		Use: "export <incident>", Args: cobra.ExactArgs(1),
		Short: "Writes the report of an incident, for its shop, the host and the police",
		Long: `
Writes the report of an incident, open or over: as Markdown, as JSON, or as one HTML page
with plots, which needs nothing else and can be mailed and printed. It holds no address,
path, query or value of a visitor.`,
		Example: "  theriac shield incidents export 20261129-1042-loewen --format html -o report.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reportTypes[format] == "" {
				return fmt.Errorf("invalid --format %q: want markdown, json or html", format)
			}
			raw, err := request(cmd, "GET", "/shield/incident?id="+url.QueryEscape(args[0])+"&format="+format, nil)
			if err != nil {
				return err
			}
			if file == "" {
				_, err = cmd.OutOrStdout().Write(raw)
				return err
			}
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				return fmt.Errorf("writing the report: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "markdown", "markdown, json or html")
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write, which only you may read; default: stdout")
	return cmd
}

func noteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "note <incident> <text>", Args: cobra.ExactArgs(2),
		Short: "Adds a note to an incident, open or over",
		Long: `
Adds a note to an incident, in your name: what the shop said, what was agreed, which bill
it caused. It is in each report of the incident, so leave addresses and names of visitors
out; what looks like an address, a path or a value is replaced.`,
		Example: `  theriac shield incidents note 20261129-1042-loewen "called the shop at 10:50"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, "POST", "/shield/incident", NoteRequest{Incident: args[0], Note: args[1]}, func(out io.Writer, d NoteResponse) {
				fmt.Fprintf(out, "noted in the name of %s\n", d.Who)
			})
		},
	}
}

func printIncidents(out io.Writer, list IncidentList) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "INCIDENT\tBEGAN\tLASTED\tATTACK\tPEAK\tLEVEL\tDETECTED\tSERVED WELL\tTARGET")
	for i := range list.Incidents {
		s := &list.Incidents[i]
		if s.Merged != "" {
			fmt.Fprintf(table, "%s\t%s\t\twent on as %s\n", s.ID, s.Onset.Local().Format(time.DateTime), s.Merged)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s/s\t%d\t%s\t%s\t%s\n", s.ID, s.Onset.Local().Format(time.DateTime), lasted(s),
			attackOf(s), report.Count(s.Peak), s.Level, after(s.Detect), after(s.Mitigate), s.Result)
	}
	table.Flush()
	for _, n := range list.Notices {
		fmt.Fprintln(out, n)
	}
}

// attackOf is what came, and at how many shops.
func attackOf(s *incidents.Summary) string {
	text := strings.Join(s.Vectors, ", ")
	if n := len(s.Shops); n > 1 {
		text += fmt.Sprintf(" at %d shops", n)
	}
	return text
}

func lasted(s *incidents.Summary) string {
	if s.Closed.IsZero() {
		return "open"
	}
	return report.Span(int64(s.Until.Sub(s.Onset) / time.Second))
}

// after is a time since the onset; - for one that has not come or could not be measured.
func after(seconds *int64) string {
	if seconds == nil {
		return "-"
	}
	return report.Span(*seconds)
}

func printIncident(out io.Writer, one Incident) {
	r := one.Record
	if r.Merged != "" {
		fmt.Fprintf(out, "%s went on as %s\n", r.ID, r.Merged)
		return
	}
	state := "is open"
	if !r.Closed.IsZero() {
		state = "is over since " + r.Closed.Local().Format(time.DateTime)
	}
	fmt.Fprintf(out, "%s, since %s, %s\n", r.ID, r.Onset.Local().Format(time.DateTime), state)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tATTACK\tPEAK\tCLIENTS\tDETECTED\tALERTED\tFIRST ACTION\tSERVED WELL\tTARGET")
	for _, l := range one.Ledger {
		v := r.VectorOf(&l)
		fmt.Fprintf(table, "%s\t%s\t%s/s\t%s\t%s\t%s\t%s\t%s\t%s\n", orAll(string(l.Shop)), l.Vector, report.Count(v.Peak), report.Count(v.Sources),
			after(l.Detect), after(l.Alert), after(l.Act), after(l.Mitigate), l.Result)
	}
	table.Flush()
	for _, s := range r.Shops {
		c := &s.Customers
		fmt.Fprintf(out, "%s: %s requests of customers, %s served badly; %s orders", orAll(string(s.ID)), report.Count(c.Requests), report.Count(c.Bad), report.Count(s.Orders.Placed))
		if s.Orders.Unknown == 0 {
			fmt.Fprintf(out, ", %s expected", report.Figure(s.Orders.Expected))
		}
		fmt.Fprintf(out, "; %s stopped\n", report.Count(s.Stopped.Total()))
	}
	printActs(out, r)
}

// printActs prints what was done and noted, in its order, and what is missing.
func printActs(out io.Writer, r *incident.Record) {
	for _, l := range r.Levels {
		fmt.Fprintf(out, "%s %s level %d to %d by %s: %s\n", l.At.Local().Format(time.TimeOnly), l.Shop, l.From, l.To, l.By, l.Why)
	}
	for _, acts := range [][]incident.Act{r.People, r.Notes} {
		for _, a := range acts {
			fmt.Fprintf(out, "%s %s: %s\n", a.At.Local().Format(time.DateTime), a.Who, a.Text)
		}
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(out, "%s no data for %s: %s\n", g.From.Local().Format(time.TimeOnly), report.Span(int64(g.Seconds())), g.Why)
	}
}
