package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/packets"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/report"
	"github.com/theriac-edge/theriac/drill/runner"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/hint"
)

// A runFlags is what `drill run` was asked for.
type runFlags struct {
	against, out, edge, shops string
	scrubber                  string
	edges, level              int
	seed                      uint64
}

func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run <name or file>",
		Short: "Attacks shops of its own while customers buy, with and without the shield, and reports",
		Long: `Starts shops, attacks them as the scenario says while customers buy, and reports
what the customers saw: once without protection, once with an attacked shop
null-routed (the old remedy), and once behind edges and a Redis that are started
for it. Everything runs on loopback on this machine; attackers and customers use
other processors than what they visit, where there are at least two. Drills of
packets run in network namespaces of their own instead, and need root.

Writes report.html, report.md and report.json. Exits with 1 if the shield missed a
target of the scenario, and names it.`,
		Example: "  drill run gladius-2016",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenario.Find(args[0])
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("seed") {
				s.Seed = f.seed
			}
			return f.run(cmd.Context(), s, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.against, "against", "all", "nothing, blackhole, shield or all of them in turn")
	flags.IntVar(&f.edges, "edges", 2, "number of edges of the shield, at most 8")
	flags.IntVar(&f.level, "level", 0, "pin all shops to this level, 1 to 4; default: they are left alone")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the schedule; default: that of the scenario")
	flags.StringVar(&f.out, "out", "", "directory for the report; default: drill-<name> in the current one")
	flags.StringVar(&f.edge, "edge", "", "binary of the edges; default: built from ./cmd/theriac")
	flags.StringVar(&f.scrubber, "scrubber", "", "binary of scrubd, for drills of packets; default: built from ./cmd/scrubd")
	flags.StringVar(&f.shops, "shops", "", "binary that runs the shops; default: this one")
	_ = flags.MarkHidden("shops")
	return cmd
}

// worlds are those that were asked for.
func (f *runFlags) worlds() ([]string, error) {
	switch {
	case f.against == "all":
		return world.Kinds, nil
	case slices.Contains(world.Kinds, f.against):
		return []string{f.against}, nil
	}
	return nil, hint.Errorf(strings.Join(world.Kinds, ", ")+" or all", "reading --against: unknown world %q", f.against)
}

func (f *runFlags) run(ctx context.Context, s *scenario.Scenario, out io.Writer) error {
	worlds, err := f.worlds()
	if err != nil {
		return err
	}
	if f.edges < 1 || f.edges > 8 || f.level < 0 || f.level > 4 {
		return hint.Errorf("--edges 2 --level 2", "reading flags: --edges %d --level %d: want 1 to 8 edges and a level from 0 to 4", f.edges, f.level)
	}
	if s.Packets() {
		if err := packets.Available(); err != nil {
			return err
		}
	}
	if f.out == "" {
		f.out = "drill-" + s.Name
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return fmt.Errorf("creating the directory of the report: %w", err)
	}
	dir, err := os.MkdirTemp("", "theriac-drill-")
	if err != nil {
		return fmt.Errorf("creating a directory for the drill: %w", err)
	}
	defer os.RemoveAll(dir)
	d := &runner.Drill{Scenario: s, Edges: f.edges, Level: f.level, Shops: f.shops, Dir: dir}
	if d.Shops == "" {
		if d.Shops, err = os.Executable(); err != nil {
			return fmt.Errorf("finding the drill's binary: %w", err)
		}
	}
	if slices.Contains(worlds, world.Shield) {
		if s.Packets() {
			d.Scrubd, err = child.ScrubberBinary(ctx, f.scrubber, dir)
		} else {
			d.Edge, err = child.EdgeBinary(ctx, f.edge, dir)
		}
		if err != nil {
			return err
		}
	}
	rep := &report.Report{Scenario: s, At: time.Now()}
	for _, kind := range worlds {
		live := report.NewLive(out, s, kind)
		d.Progress = live.Show
		result, err := d.In(ctx, kind)
		live.End()
		if err != nil {
			return fmt.Errorf("running %s against %s: %w", s.Name, kind, err)
		}
		rep.Runs = append(rep.Runs, result)
	}
	return f.finish(rep, out)
}

// finish writes the report, and returns the missed targets as an error.
func (f *runFlags) finish(rep *report.Report, out io.Writer) error {
	for name, write := range map[string]func(io.Writer) error{"report.html": rep.HTML, "report.md": rep.Markdown, "report.json": rep.JSON} {
		if err := writeFile(filepath.Join(f.out, name), write); err != nil {
			return err
		}
	}
	if err := rep.Summary(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "report: %s\n", filepath.Join(f.out, "report.html"))
	return missed(rep.Runs)
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return errors.Join(write(file), file.Close())
}

// missed names the targets that the shield missed.
func missed(runs []*record.Run) error {
	var all []string
	starved := false
	for _, r := range runs {
		for _, v := range r.Verdicts {
			if !v.Met {
				all = append(all, v.String())
				starved = starved || 10*len(r.Generator.LateSeconds) > len(r.Shops[0].Seconds)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	err := fmt.Errorf("missed %d targets:\n  %s", len(all), strings.Join(all, "\n  "))
	if starved {
		return hint.Errorf("a machine without other load: here the generator was the limit", "%w", err)
	}
	return err
}
