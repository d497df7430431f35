package shieldctl

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// ExpectRequest announces a peak at a shop, or withdraws it.
type ExpectRequest struct {
	Shop   shop.ID   `json:"shop"`
	Factor float64   `json:"factor,omitempty"` // how many times as many visitors as usual
	From   time.Time `json:"from,omitzero"`    // default: now
	To     time.Time `json:"to,omitzero"`
	None   bool      `json:"none,omitempty"` // withdraw it instead
	Why    string    `json:"why,omitempty"`  // a note for colleagues
}

// ExpectResponse answers an ExpectRequest that was carried out.
type ExpectResponse struct {
	shield.ShopPeak
	None   bool   `json:"none,omitempty"`
	Notice string `json:"notice,omitempty"` // what an operator should know of it
}

func (a *Admin) expect(w http.ResponseWriter, r *http.Request) error {
	var q ExpectRequest
	app, err := a.readAct(w, r, &q, &q.Why)
	if err != nil {
		return err
	}
	now := time.Now()
	act := audit.Act{Act: "expect", What: "none", Shop: string(q.Shop), Why: q.Why}
	if !q.None {
		if q.From.IsZero() {
			q.From = now.Truncate(time.Second)
		}
		act.What, act.Until = formatFactor(q.Factor)+" from "+q.From.Local().Format(withZone), q.To
	}
	return concludeAs(w, r, app, act, func(operator string) (any, error) {
		done := ExpectResponse{ShopPeak: shield.ShopPeak{Shop: q.Shop}, None: q.None}
		var err error
		if q.None {
			err = app.ExpectNone(r.Context(), q.Shop)
		} else {
			done.Peak = levels.Peak{From: q.From, To: q.To, Factor: q.Factor, Who: operator, Why: q.Why}
			err = app.Expect(r.Context(), q.Shop, done.Peak, now)
		}
		done.Notice, err = noticeOf(err)
		return done, err
	})
}

// withZone is how times are shown that may be read in another zone than they were written in.
const withZone = "2006-01-02 15:04 MST"

func expectCommand() *cobra.Command {
	var q ExpectRequest
	var from, to string
	cmd := &cobra.Command{
		Use: "expect <shop> <factor>|none", Args: cobra.ExactArgs(2),
		Short: "Announces more visitors than usual: a newsletter, a sale",
		Long: `
Announces at all edges that a shop will have more visitors than usual, so that they are
not taken for an attack: a newsletter, a sale, a film about the shop. The factor says how
many times as many, 1.1x to 50x; none withdraws it. A shop has one announcement, which
ends at most 30 days ahead.

Times are such as 2026-12-01T08:00, in the zone of this machine, or have a zone of their
own: 2026-12-01T08:00+01:00.`,
		Example: "  theriac shield expect loewen 3x --from 2026-12-01T08:00 --to 2026-12-01T20:00 --why newsletter",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			q.Shop, q.None = shop.ID(args[0]), args[1] == "none"
			if q.None {
				return ask(cmd, "POST", "/shield/expect", q, printExpect)
			}
			if to == "" {
				return errors.New("missing --to: want when the peak is over, such as 2026-12-01T20:00")
			}
			if q.Factor, err = parseFactor(args[1]); err != nil {
				return err
			}
			if q.To, err = parseTime(to, time.Local); err != nil {
				return err
			}
			if from != "" {
				if q.From, err = parseTime(from, time.Local); err != nil {
					return err
				}
			}
			return ask(cmd, "POST", "/shield/expect", q, printExpect)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "when the peak begins, such as 2026-12-01T08:00; default: now")
	cmd.Flags().StringVar(&to, "to", "", "when it is over")
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for colleagues and the audit trail")
	return cmd
}

// parseFactor reads a factor such as 3x or 1.5.
func parseFactor(text string) (float64, error) {
	factor, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(factor >= levels.LeastFactor && factor <= levels.MostFactor) {
		return 0, fmt.Errorf("invalid factor %q: want %vx to %vx, such as 3x, or none", text, levels.LeastFactor, levels.MostFactor)
	}
	return factor, nil
}

// parseTime reads a time in a zone, or with one of its own.
func parseTime(text string, zone *time.Location) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", time.RFC3339} {
		if at, err := time.ParseInLocation(form, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid time %q: want one such as 2026-12-01T08:00, or with a zone 2026-12-01T08:00+01:00", text)
}

func formatFactor(factor float64) string {
	return strconv.FormatFloat(factor, 'g', -1, 64) + "x"
}

// formatPeak is a peak as operators read it, in the zone of this machine.
func formatPeak(p *shield.ShopPeak) string {
	text := fmt.Sprintf("%s %s from %s to %s", p.Shop, formatFactor(p.Factor), p.From.Local().Format(withZone), p.To.Local().Format(withZone))
	if p.Why != "" {
		text += " (" + p.Why + ")"
	}
	return text
}

func printExpect(out io.Writer, d ExpectResponse) {
	if d.None {
		fmt.Fprintf(out, "%s expects as many visitors as usual\n", d.Shop)
	} else {
		fmt.Fprintf(out, "announced: %s\n", formatPeak(&d.ShopPeak))
	}
	if d.Notice != "" {
		fmt.Fprintln(out, d.Notice)
	}
}
