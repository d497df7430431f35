package shieldctl

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/shop"
)

// WatchReport is what the watch of the edge sees.
type WatchReport struct {
	watching.Status
	Shops []watching.View `json:"shops"`
}

// watch answers with the shop of the query, or with all.
func (a *Admin) watch(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return wrongMethod(http.MethodGet)
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	report := WatchReport{Shops: []watching.View{}}
	var views []watching.View
	report.Status, views = app.WatchStatus()
	id := shop.ID(r.URL.Query().Get("shop"))
	for _, v := range views {
		if id == "" || v.Shop == id {
			report.Shops = append(report.Shops, v)
		}
	}
	if id != "" && len(report.Shops) == 0 {
		return badRequest(fmt.Errorf("shop %q is not watched by this edge; `theriac shield shops` lists the shops", id))
	}
	return reply(w, report)
}

func watchCommand() *cobra.Command {
	return &cobra.Command{
		Use: "watch [shop]", Args: cobra.MaximumNArgs(1),
		Short: "Shows what the edges see of the shops, and what they are used to",
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
	printRole(out, r)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tLEVEL\tSTRANGERS/S\tUSUAL\tALLOWED\tSUM\tSUFFERS")
	for _, v := range r.Shops {
		fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\t%s\t%s/%s\t%s\n", v.Shop, watchedLevel(v),
			rate(v.Strangers), v.Stream, rate(v.Usual), rate(v.Allowance), count(v.Sum), count(v.Threshold), yesNo(v.Suffers))
	}
	_ = table.Flush()
}

// printWatched prints all that is known of one shop.
func printWatched(out io.Writer, r WatchReport) {
	printRole(out, r)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range r.Shops {
		for _, row := range [][2]string{
			{"shop", string(v.Shop)},
			{"level", watchedLevel(v)},
			{"sees", v.Words},
			{"strangers", fmt.Sprintf("%s a second (%s), usual %s, allowed %s", rate(v.Strangers), v.Stream, rate(v.Usual), rate(v.Allowance))},
			{"above that", fmt.Sprintf("%s in all; from %s on it is level 1", count(v.Sum), count(v.Threshold))},
			{"clients", fmt.Sprintf("%d without time stamp or pass in ten seconds", v.Clients)},
			{"health", fmt.Sprintf("%s; %d requests wait; it has borne %s a second", health(v), v.Waiting, rate(v.Borne))},
			{"announced", announcedAs(v)},
			{"learned from", fmt.Sprintf("%d hours", v.Hours)},
		} {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	_ = table.Flush()
}

func printRole(out io.Writer, r WatchReport) {
	switch r.Role {
	case counters.Leading.String():
		fmt.Fprintln(out, "this edge leads")
	case counters.Following.String():
		fmt.Fprintf(out, "%s leads, this edge follows\n", cmp.Or(r.Leader, "no edge"))
	default:
		fmt.Fprintln(out, "this edge has lost the store, and is alone")
	}
}

func watchedLevel(v watching.View) string {
	if v.Shadow {
		return v.Level.String() + " (shadow)"
	}
	return v.Level.String()
}

func health(v watching.View) string {
	if v.Suffers {
		return "the shop suffers"
	}
	return "the shop is well"
}

func announcedAs(v watching.View) string {
	if v.Announced > 1 {
		return formatFactor(v.Announced) + " the usual"
	}
	return "nothing"
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// rate writes requests a second as people read them.
func rate(x float64) string {
	if x >= 10 {
		return count(x)
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

func count(x float64) string { return humanize.Comma(int64(x)) }
