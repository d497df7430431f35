package shieldctl

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/shop"
)

// LevelTable says what each level of a shop does.
type LevelTable struct {
	Shop     shop.ID    `json:"shop"`
	Level    shop.Level `json:"level"` // the present one
	Measures []shop.Row `json:"measures"`
}

func (a *Admin) levels(w http.ResponseWriter, r *http.Request) error {
	app, err := a.asked(r)
	if err != nil {
		return err
	}
	id := shop.ID(r.URL.Query().Get("shop"))
	for _, s := range app.Shops() {
		if s.ID == id {
			return reply(w, LevelTable{Shop: s.ID, Level: s.Level().Level, Measures: s.Table().Rows()})
		}
	}
	return badRequest(fmt.Errorf("unknown shop %q; `theriac shield shops` lists the shops of this edge", id))
}

func levelsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "levels <shop>", Args: cobra.ExactArgs(1),
		Short: "Shows what each level of attack does at a shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, "GET", "/shield/levels?shop="+url.QueryEscape(args[0]), nil, printTable)
		},
	}
}

// printTable prints the table, with a star at the present level.
func printTable(out io.Writer, t LevelTable) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	titles := make([]string, shop.Levels)
	for level := range titles {
		titles[level] = strings.ToUpper(shop.Level(level).String())
		if shop.Level(level) == t.Level {
			titles[level] += " *"
		}
	}
	fmt.Fprintln(table, "MEASURE\t"+strings.Join(titles, "\t"))
	for _, row := range t.Measures {
		fmt.Fprintln(table, row.Measure+"\t"+strings.Join(row.Levels[:], "\t"))
	}
	table.Flush()
}
