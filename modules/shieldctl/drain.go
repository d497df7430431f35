package shieldctl

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield/life"
)

// DrainRequest drains this edge.
type DrainRequest struct {
	Off bool   `json:"off,omitempty"` // end it instead
	Why string `json:"why,omitempty"` // a note for colleagues
}

// DrainResponse answers a DrainRequest that was carried out.
type DrainResponse struct {
	Draining bool `json:"draining"` // also true while the edge ends
}

func (a *Admin) drain(w http.ResponseWriter, r *http.Request) error {
	var q DrainRequest
	app, err := a.readAct(w, r, &q, &q.Why)
	if err != nil {
		return err
	}
	act := audit.Act{Act: "drain", Who: operatorOf(r), Why: q.Why}
	if q.Off {
		act.Act = "undrain"
	}
	life.SetDrained(!q.Off)
	return conclude(w, r, app, act, DrainResponse{Draining: life.Draining()})
}

func drainCommand() *cobra.Command {
	var q DrainRequest
	cmd := &cobra.Command{
		Use: "drain", Args: cobra.NoArgs,
		Short: "Sends clients away from this edge, before a restart for instance",
		Long: `
Tells load balancers and BGP daemons that ask shop_health to send no more clients
here, and closes each connection after its next response. Every request is still
served, so nothing is lost if nobody else takes them.

It holds until undrain or the end of the process, over reloads as well.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "POST", "/shield/drain", q, printDrain)
		},
	}
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for the audit trail")
	return cmd
}

func undrainCommand() *cobra.Command {
	q := DrainRequest{Off: true}
	cmd := &cobra.Command{
		Use: "undrain", Args: cobra.NoArgs, Short: "Lets clients come to this edge again",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "POST", "/shield/drain", q, printDrain)
		},
	}
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for the audit trail")
	return cmd
}

func printDrain(out io.Writer, d DrainResponse) {
	if d.Draining {
		fmt.Fprintln(out, "this edge is draining: health checks get 503; `theriac shield undrain` ends it")
	} else {
		fmt.Fprintln(out, "this edge is not draining: health checks get 200")
	}
}
