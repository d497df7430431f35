package shieldctl

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/shop"
)

// WatchReport is what the watch of the edge sees.
type WatchReport struct {
	watching.Status
	Shops []WatchedShop `json:"shops"`
}

// WatchedShop is what the watch sees of a shop, and the level that holds there.
type WatchedShop struct {
	watching.View
	InForce LevelReport `json:"in_force"`
}

// watch answers with the shop of the query, or with all.
func (a *Admin) watch(w http.ResponseWriter, r *http.Request) error {
	app, err := a.asked(r)
	if err != nil {
		return err
	}
	report := WatchReport{Shops: []WatchedShop{}}
	var views []watching.View
	report.Status, views = app.WatchStatus()
	id := shop.ID(r.URL.Query().Get("shop"))
	held := make(map[shop.ID]LevelReport, len(views))
	for _, s := range app.Shops() {
		if id == "" || s.ID == id {
			held[s.ID] = levelOf(app, s)
		}
	}
	for _, v := range views {
		if id == "" || v.Shop == id {
			report.Shops = append(report.Shops, WatchedShop{v, held[v.Shop]})
		}
	}
	if id != "" && len(report.Shops) == 0 {
		return badRequest(fmt.Errorf("shop %q is not watched by this edge: its `watch` is off, or the edge does not know it; `theriac shield shops` lists the shops", id))
	}
	return reply(w, report)
}

func watchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch [shop]", Args: cobra.MaximumNArgs(1),
		Short: "Shows what the edges see of the shops, and what is usual",
		Long: `
Shows what the edges see of the shops, as the watch of this edge adds it up: the level
that holds and the one that the watch finds right, how many strangers come, how many
are usual at this hour and how many are allowed. With a shop, also why.`,
		Example: "  theriac shield watch loewen",
		RunE: func(cmd *cobra.Command, args []string) error {
			uri, print := "/shield/watch", printWatch
			if len(args) == 1 {
				uri, print = uri+"?shop="+url.QueryEscape(args[0]), printWatched
			}
			return ask(cmd, "GET", uri, nil, print)
		},
	}
}

// printWatch prints a line for each shop.
func printWatch(out io.Writer, r WatchReport) {
	printRole(out, &r.Status)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tLEVEL\tWATCH SAYS\tSTRANGERS/S\tUSUAL\tALLOWED\tEXCESS\tALARM AT\tHEALTH")
	for _, s := range r.Shops {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", s.Shop, s.InForce.Level, watchSays(&s.View),
			rate(s.Strangers), s.Stream, rate(s.Usual), rate(s.Allowance), count(s.Sum), count(s.Threshold), health(&s.View))
	}
	_ = table.Flush()
}

// printWatched prints all that is known of one shop.
func printWatched(out io.Writer, r WatchReport) {
	printRole(out, &r.Status)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range r.Shops {
		for _, row := range [][2]string{
			{"shop", string(s.Shop)},
			{"level", s.InForce.String()},
			{"watch says", watchSays(&s.View)},
			{"sees", s.Words},
			{"strangers", fmt.Sprintf("%s/s (%s), usual %s/s, allowed %s/s", rate(s.Strangers), s.Stream, rate(s.Usual), rate(s.Allowance))},
			{"excess", fmt.Sprintf("%s requests above the allowance; level 1 from %s on", count(s.Sum), count(s.Threshold))},
			{"clients", fmt.Sprintf("%s without time stamp or pass in ten seconds", humanize.Comma(int64(s.Clients)))},
			{"health", fmt.Sprintf("%s; %s waiting; has borne %s/s", health(&s.View), english.Plural(s.Waiting, "request", ""), rate(s.Borne))},
			{"announced", announcedAs(s.Announced)},
			{"baseline", "learned from " + english.Plural(s.Hours, "hour", "")},
		} {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	_ = table.Flush()
}

func printRole(out io.Writer, s *watching.Status) {
	switch s.Role {
	case counters.Leading.String():
		fmt.Fprint(out, "this edge leads the watch")
	case counters.Following.String():
		if s.Leader == "" {
			fmt.Fprint(out, "no edge leads the watch yet")
		} else {
			fmt.Fprintf(out, "%s leads the watch, this edge follows", s.Leader)
		}
	default:
		fmt.Fprint(out, "this edge has lost the store, and watches alone")
	}
	fmt.Fprintf(out, "; edges that report: %s\n", cmp.Or(strings.Join(s.Edges, ", "), "none"))
}

// watchSays is the level that the watch finds right, whether or not it is in force.
func watchSays(v *watching.View) string {
	if v.Shadow {
		return v.Level.String() + " (shadow)"
	}
	return v.Level.String()
}

func health(v *watching.View) string {
	if v.Suffers {
		return "suffers"
	}
	return "well"
}

func announcedAs(factor float64) string {
	if factor > 1 {
		return formatFactor(factor) + " the usual"
	}
	return "nothing"
}

// rate writes requests a second as people read them.
func rate(x float64) string {
	if x >= 10 {
		return count(x)
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

func count(x float64) string { return humanize.Comma(int64(x)) }
