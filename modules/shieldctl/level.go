package shieldctl

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

// LevelRequest sets a shop's level.
type LevelRequest struct {
	Shop  shop.ID    `json:"shop"`
	Level shop.Level `json:"level"`
	For   string     `json:"for,omitempty"` // such as 30m; default: until it is set again
	Why   string     `json:"why,omitempty"` // a note for colleagues
}

// LevelResponse answers a LevelRequest that was carried out.
type LevelResponse struct {
	Shop   shop.ID    `json:"shop"`
	Level  shop.Level `json:"level"`
	Notice string     `json:"notice,omitempty"` // what an operator should know of it
}

func (a *Admin) setLevel(w http.ResponseWriter, r *http.Request) error {
	var q LevelRequest
	if err := read(w, r, &q); err != nil {
		return err
	}
	if _, err := shop.ParseLevel(strconv.Itoa(int(q.Level))); err != nil {
		return badRequest(err)
	}
	if err := audit.CheckWhy(q.Why, longestWhy); err != nil {
		return badRequest(err)
	}
	var lasts time.Duration
	if q.For != "" {
		var err error
		if lasts, err = caddy.ParseDuration(q.For); err != nil || lasts <= 0 {
			return badRequest(fmt.Errorf("invalid duration %q: want a positive one, such as 30m", q.For))
		}
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	act := audit.Act{Act: "level", Who: operatorOf(r), What: q.Level.String(), Shop: string(q.Shop), Why: q.Why}
	if lasts > 0 {
		act.Until = time.Now().Add(lasts)
	}
	done := LevelResponse{Shop: q.Shop, Level: q.Level}
	switch err := app.SetLevel(r.Context(), q.Shop, q.Level, lasts); {
	case errors.Is(err, shield.ErrUnshared):
		done.Notice = err.Error()
	case err != nil:
		return badRequest(err)
	}
	return conclude(w, r, app, act, done)
}

func levelCommand() *cobra.Command {
	var q LevelRequest
	cmd := &cobra.Command{
		Use: "level <shop> <level>", Args: cobra.ExactArgs(2),
		Short: "Sets a shop's level of attack, at all edges",
		Long: `
Sets a shop's level of attack, at all edges at once and without a reload:

  0 calm          no visitor is challenged
  1 raised        suspicious clients are challenged
  2 attack        unknown visitors are, on pages that cost the shop something
  3 heavy attack  all visitors are, except partners
  4 siege         the same, with harder challenges

Customers with a pass go on at each level.`,
		Example: "  theriac shield level loewen 2 --for 30m",
		RunE: func(cmd *cobra.Command, args []string) error {
			level, err := shop.ParseLevel(args[1])
			if err != nil {
				return err
			}
			q.Shop, q.Level = shop.ID(args[0]), level
			return ask(cmd, "POST", "/shield/level", q, printLevel)
		},
	}
	cmd.Flags().StringVar(&q.For, "for", "", "how long, such as 30m; default: until it is set again")
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for the audit trail")
	return cmd
}

func printLevel(out io.Writer, d LevelResponse) {
	fmt.Fprintf(out, "%s is at level %s\n", d.Shop, d.Level)
	if d.Notice != "" {
		fmt.Fprintln(out, d.Notice)
	}
}
