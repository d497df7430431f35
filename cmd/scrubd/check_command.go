//go:build linux

package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrubd/hostcheck"
)

func checkCommand() *cobra.Command {
	return withConfig(&cobra.Command{
		Use: "check", Short: "Checks whether this host can run the dataplane, and says what to try where it cannot", Args: cobra.NoArgs,
		Long: `
Checks this host: kernel, privileges, BPF file system, sysctls, the policy file and
the interfaces and users that it names. Changes nothing, except that root mounts the
BPF file system. Exit code 1 if something is not as it should be.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showFindings(cmd, hostcheck.Scrubber(flag(cmd, "config")))
		},
	})
}

// showFindings prints the findings, and fails if one is bad.
func showFindings(cmd *cobra.Command, all []hostcheck.Finding) error {
	raw, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	if err := show(cmd, append(raw, '\n'), printFindings); err != nil {
		return err
	}
	bad := 0
	for _, f := range all {
		if !f.OK {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, len(all))
	}
	return nil
}
