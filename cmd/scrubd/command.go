//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

func runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run", Short: "Starts scrubd and runs it in the foreground; the dataplane goes on after it ends", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			d, err := daemon.Start(daemon.Linux, flag(cmd, "config"), log)
			if err != nil {
				return err
			}
			return d.Run(cmd.Context())
		},
	}
	return withConfig(cmd)
}

// withConfig gives a command the path of the policy file.
func withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("config", policyfile.DefaultPath, "the policy file")
	return cmd
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Shows the status of scrubd, and what is dropped and why", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/status", nil, printStatus)
		},
	}
}

func topCommand() *cobra.Command {
	var by string
	var lines int
	var once, dropped bool
	cmd := &cobra.Command{
		Use: "top", Short: "Shows the sources that send most, estimated from samples", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"by": {by}, "n": {strconv.Itoa(lines)}}
			if dropped {
				q.Set("dropped", "")
			}
			for {
				if !once && !asJSON(cmd) {
					fmt.Fprint(cmd.OutOrStdout(), "\x1b[H\x1b[2J") // clear the screen
				}
				if err := ask(cmd, "GET", "/top?"+q.Encode(), nil, printTop); err != nil || once {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(2 * time.Second):
				}
			}
		},
	}
	cmd.Flags().StringVar(&by, "by", "source", "what to group by: "+daemon.TopKeys)
	cmd.Flags().IntVarP(&lines, "lines", "n", 20, "number of lines")
	cmd.Flags().BoolVar(&once, "once", false, "print once instead of every 2 s")
	cmd.Flags().BoolVar(&dropped, "dropped", false, "leave out packets that pass")
	return cmd
}

func watchCommand() *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use: "watch", Short: "Shows samples of packets as they arrive", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{}
			for _, name := range []string{"reason", "policy"} {
				if value := flag(cmd, name); value != "" {
					q.Set(name, value)
				}
			}
			if flag(cmd, "dropped") == "true" {
				q.Set("dropped", "")
			}
			response, err := call(cmd.Context(), flag(cmd, "socket"), "GET", "/samples?"+q.Encode(), nil)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			lines := json.NewDecoder(response.Body)
			for n := 0; count == 0 || n < count; n++ {
				var raw json.RawMessage
				err := lines.Decode(&raw)
				switch {
				case cmd.Context().Err() != nil:
					return nil
				case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
					return marked{errors.New("watching: scrubd has ended"), errUnreachable}
				case err != nil:
					return fmt.Errorf("reading the samples: %w", err)
				}
				if err := show(cmd, append(raw, '\n'), printSample); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().String("reason", "", "only packets with this reason, in monitor mode as well")
	cmd.Flags().String("policy", "", "only packets to what this policy protects")
	cmd.Flags().Bool("dropped", false, "leave out packets that pass")
	cmd.Flags().IntVarP(&count, "count", "n", 0, "end after this many samples; 0: never")
	return cmd
}
