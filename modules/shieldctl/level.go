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
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// LevelRequest sets a shop's level, or leaves it to the watch.
type LevelRequest struct {
	Shop    shop.ID    `json:"shop"`
	Level   shop.Level `json:"level"`
	AtLeast bool       `json:"at_least,omitempty"` // the watch may go above it
	Auto    bool       `json:"auto,omitempty"`     // end what was set instead: the watch decides
	For     string     `json:"for,omitempty"`      // such as 30m; default: 4h
	Why     string     `json:"why,omitempty"`      // a note for colleagues
}

// LevelResponse answers a LevelRequest that was carried out.
type LevelResponse struct {
	Shop    shop.ID    `json:"shop"`
	Level   shop.Level `json:"level"` // that was set; of auto that holds now
	AtLeast bool       `json:"at_least,omitempty"`
	Auto    bool       `json:"auto,omitempty"`
	Until   time.Time  `json:"until,omitzero"`
	Notice  string     `json:"notice,omitempty"` // what an operator should know of it
}

func (a *Admin) setLevel(w http.ResponseWriter, r *http.Request) error {
	var q LevelRequest
	if err := read(w, r, &q); err != nil {
		return err
	}
	lasts, err := q.check()
	if err != nil {
		return badRequest(err)
	}
	app, err := a.app()
	if err != nil {
		return err
	}
	act := audit.Act{Act: "level", What: q.what(), Shop: string(q.Shop), Why: q.Why}
	done := LevelResponse{Shop: q.Shop, Level: q.Level, AtLeast: q.AtLeast, Auto: q.Auto}
	if !q.Auto {
		act.Until = time.Now().Add(lasts)
		done.Until = act.Until
	}
	return concludeAs(w, r, app, act, func(operator string) (any, error) {
		var err error
		if q.Auto {
			err = app.Unpin(r.Context(), q.Shop)
		} else {
			err = app.Pin(r.Context(), q.Shop, levels.Pin{Level: q.Level, AtLeast: q.AtLeast, Who: operator, Why: q.Why}, lasts)
		}
		done.Notice, err = noticeOf(err)
		if err == nil && q.Auto {
			done.Level = levelAt(app, q.Shop)
		}
		return done, err
	})
}

// check rejects a request that cannot be carried out, and returns how long the level lasts.
func (q *LevelRequest) check() (lasts time.Duration, err error) {
	if _, err := shop.ParseLevel(strconv.Itoa(int(q.Level))); err != nil {
		return 0, err
	}
	if err := audit.CheckWhy(q.Why, longestWhy); err != nil {
		return 0, err
	}
	if q.Auto && (q.AtLeast || q.For != "" || q.Level != shop.Calm) {
		return 0, errors.New("auto sets no level: leave out the level, at_least and for")
	}
	lasts = shield.UsualPin
	if q.For != "" {
		if lasts, err = caddy.ParseDuration(q.For); err != nil || lasts <= 0 || lasts > shield.LongestPin {
			return 0, fmt.Errorf("invalid duration %q: want 1s to 30d, such as 30m", q.For)
		}
	}
	return lasts, nil
}

// what is the request in the audit trail.
func (q *LevelRequest) what() string {
	switch {
	case q.Auto:
		return "auto"
	case q.AtLeast:
		return "at least " + q.Level.String()
	}
	return q.Level.String()
}

// noticeOf makes a notice of an error that says that other edges learn of a change later.
func noticeOf(err error) (notice string, failed error) {
	if errors.Is(err, shield.ErrUnshared) {
		return err.Error(), nil
	}
	return "", err
}

func levelAt(app *shield.App, id shop.ID) shop.Level {
	for _, s := range app.Shops() {
		if s.ID == id {
			return s.Level().Level
		}
	}
	return shop.Calm
}

func levelCommand() *cobra.Command {
	var q LevelRequest
	cmd := &cobra.Command{
		Use: "level <shop> <level>|auto", Args: cobra.ExactArgs(2),
		Short: "Sets a shop's level of attack, at all edges",
		Long: `
Sets a shop's level of attack, at all edges at once and without a reload:

  0 calm          no visitor is challenged
  1 raised        suspicious clients are challenged
  2 attack        unknown visitors are, on pages that cost the shop something
  3 heavy attack  all visitors are, except partners
  4 siege         the same, with harder challenges
  auto            ends what was set: the watch decides again

Customers with a pass go on at each level. The edges raise and lower levels by
themselves. What is set here holds exactly, whatever they decide, and ends after 4 hours
unless --for says otherwise.`,
		Example: "  theriac shield level loewen 2 --for 30m\n  theriac shield level loewen auto",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Shop, q.Auto = shop.ID(args[0]), args[1] == "auto"
			if !q.Auto {
				var err error
				if q.Level, err = shop.ParseLevel(args[1]); err != nil {
					return fmt.Errorf("%w, or auto", err)
				}
			}
			return ask(cmd, "POST", "/shield/level", q, printLevel)
		},
	}
	cmd.Flags().BoolVar(&q.AtLeast, "at-least", false, "the level may rise above this one by itself")
	cmd.Flags().StringVar(&q.For, "for", "", "how long, such as 30m, at most 30d; default: 4h")
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for colleagues and the audit trail")
	return cmd
}

func printLevel(out io.Writer, d LevelResponse) {
	switch {
	case d.Auto:
		fmt.Fprintf(out, "%s is left to the edges, and is at level %s\n", d.Shop, d.Level)
	case d.AtLeast:
		fmt.Fprintf(out, "%s is at level %s or above until %s\n", d.Shop, d.Level, d.Until.Local().Format(time.DateTime))
	default:
		fmt.Fprintf(out, "%s is at level %s until %s\n", d.Shop, d.Level, d.Until.Local().Format(time.DateTime))
	}
	if d.Notice != "" {
		fmt.Fprintln(out, d.Notice)
	}
}
