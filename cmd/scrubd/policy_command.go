//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Shows, checks or reloads the policy file", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Prints the policies in force, with defaults filled in", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "GET", "/policy", nil, printPolicy) },
		},
		&cobra.Command{
			Use: "reload", Short: "Puts the policy file in force; one that is rejected changes nothing", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "POST", "/policy", nil, printReloaded) },
		},
		withConfig(&cobra.Command{
			Use: "check", Short: "Checks the policy file as a reload would, and changes nothing", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				path := flag(cmd, "config")
				f, err := policyfile.Read(path)
				if err != nil {
					return err
				}
				raw, err := json.Marshal(daemon.Reloaded{Path: path, Policies: len(f.Policies)})
				if err != nil {
					return fmt.Errorf("encoding the answer: %w", err)
				}
				return show(cmd, append(raw, '\n'), func(out io.Writer, r daemon.Reloaded) {
					fmt.Fprintf(out, "%s is valid; policies: %d\n", r.Path, r.Policies)
				})
			},
		}),
	)
	return cmd
}

func printReloaded(out io.Writer, r daemon.Reloaded) {
	fmt.Fprintf(out, "reloaded %s; policies: %d\n", r.Path, r.Policies)
	if r.Notice != "" {
		fmt.Fprintln(out, r.Notice)
	}
}

func printPolicy(out io.Writer, c scrub.Config) {
	lines := yaml.NewEncoder(out)
	lines.SetIndent(2)
	_ = errors.Join(lines.Encode(c), lines.Close()) // to a terminal
}

func unloadCommand() *cobra.Command {
	return withPins(withConfig(&cobra.Command{
		Use: "unload", Short: "Detaches the dataplane from all interfaces: nothing is protected afterwards", Args: cobra.NoArgs,
		Long: `
Detaches the dataplane from all interfaces and deletes its lists and counts. Nothing
is protected until scrubd is started again. Works without a running scrubd, and as
root only.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := unload(cmd, policyfile.Pins)
			if err != nil {
				return err
			}
			if response, err := call(cmd.Context(), flag(cmd, "socket"), "GET", "/status", nil); err == nil {
				response.Body.Close()
				u.Notice = "scrubd still runs but protects nothing: stop it, or restart it to attach again"
			}
			raw, err := json.Marshal(u)
			if err != nil {
				return fmt.Errorf("encoding the answer: %w", err)
			}
			return show(cmd, append(raw, '\n'), printUnloaded)
		},
	}))
}

// withPins gives a command the flag for the directory of pins, for which it otherwise
// asks the policy file.
func withPins(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("pins", "", "the directory that keeps what is loaded (default: as the policy file says)")
	return cmd
}

// pinsOf is the directory of pins that a command is about.
func pinsOf(cmd *cobra.Command, inFile func(path string) (string, error)) (string, error) {
	if pins := flag(cmd, "pins"); pins != "" {
		return pins, nil
	}
	pins, err := inFile(flag(cmd, "config"))
	if err != nil {
		err = hint.New(err, "--pins with the directory that keeps what is loaded")
	}
	return pins, err
}

// unloaded is what an unload has detached.
type unloaded struct {
	From   []string `json:"from"` // interfaces
	Pins   string   `json:"pins"` // the directory that kept what was loaded
	Notice string   `json:"notice,omitempty"`
}

// unload detaches what is pinned where the command or the policy file says.
func unload(cmd *cobra.Command, inFile func(path string) (string, error)) (u unloaded, err error) {
	if u.Pins, err = pinsOf(cmd, inFile); err != nil {
		return u, err
	}
	if u.From, err = daemon.Linux.Running(u.Pins); err == nil {
		err = daemon.Linux.Unload(u.Pins)
	}
	if errors.Is(err, os.ErrPermission) {
		return u, hint.Errorf("sudo "+cmd.CommandPath(), "unloading: %w", err)
	}
	return u, err
}

func printUnloaded(out io.Writer, u unloaded) {
	if len(u.From) == 0 {
		fmt.Fprintf(out, "nothing that is pinned in %s was attached\n", u.Pins)
	} else {
		fmt.Fprintf(out, "detached from %s: nothing is protected any more\n", strings.Join(u.From, ", "))
	}
	if u.Notice != "" {
		fmt.Fprintln(out, u.Notice)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Prints the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := map[string]string{"version": daemon.Version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			if asJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "scrubd %s %s %s\n", v["version"], v["go"], v["platform"])
			return err
		},
	}
}
