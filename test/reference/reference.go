// Package reference writes the reference of commands, docs/operations/cli.md,
// from the commands themselves, and holds it to them.
//
// A test of each program calls Check, and with -update writes its section.
// cobra/doc would make a page for each command; one page can be
// searched.
package reference

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the reference of commands")

// Page is the reference, seen from a folder of a program.
const Page = "../../docs/operations/cli.md"

// Check compares the section of a program in the reference with its commands,
// or writes it with -update.
func Check(t *testing.T, program string, commands ...*cobra.Command) {
	t.Helper()
	raw, err := os.ReadFile(Page)
	if err != nil {
		t.Fatal(err)
	}
	page, heading := string(raw), "\n## "+program+"\n"
	before, rest, ok := strings.Cut(page, heading)
	if !ok {
		t.Fatalf("%s has no heading %q: add it, then run the test with -update", Page, strings.TrimSpace(heading))
	}
	got, after := rest, ""
	if i := strings.Index(rest, "\n## "); i >= 0 {
		got, after = rest[:i], rest[i:]
	}
	want := Of(commands...)
	if *update {
		if err := os.WriteFile(Page, []byte(before+heading+want+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s is not what the commands of %s say; run go test ./cmd/%s -run TestReference -update (-want +got):\n%s", Page, program, program, diff)
	}
}

// Of is the Markdown of commands and all below them.
func Of(commands ...*cobra.Command) string {
	var text strings.Builder
	for _, c := range commands {
		write(&text, c)
	}
	return strings.TrimRight(text.String(), "\n") + "\n"
}

func write(text *strings.Builder, c *cobra.Command) {
	if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
		return
	}
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Hidden = true // of every command
	fmt.Fprintf(text, "\n### `%s`\n\n%s.\n", c.CommandPath(), strings.TrimRight(c.Short, "."))
	if long := strings.TrimSpace(c.Long); long != "" {
		fmt.Fprintf(text, "\n```text\n%s\n```\n", long)
	}
	var below []string
	for _, sub := range c.Commands() {
		if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
			below = append(below, "`"+sub.Name()+"`")
		}
	}
	fmt.Fprintf(text, "\n```text\n%s\n", c.UseLine())
	if flags := c.LocalFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(text, "\n%s", flags)
	}
	text.WriteString("```\n")
	if c.Example != "" {
		fmt.Fprintf(text, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.Trim(c.Example, "\n"), "\n  ", "\n")[2:])
	}
	if len(below) > 0 {
		fmt.Fprintf(text, "\nCommands: %s\n", strings.Join(below, ", "))
	}
	for _, sub := range c.Commands() {
		write(text, sub)
	}
}
