// Package docs runs what the documentation shows: each block ```console of
// README.md and docs/, command by command, on a demo edge and on a scrubd of the
// test's own, and compares what comes out.
//
// What differs from run to run (times, references, counts, rates, versions) is
// compared by its form. A page whose output is no longer true fails with its line.
package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A step is one command of a page, and what the page says that it prints.
type step struct {
	line    int
	command string
	prints  []string
}

// A block is a fenced block of a page that shows a session.
type block struct {
	page  string
	line  int
	steps []step
}

// blocksOf reads the sessions of a page.
func blocksOf(page, text string) (all []block) {
	var open *block
	fenced, number := false, 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			if open != nil {
				all = append(all, *open)
			}
			open, fenced = nil, !fenced
			if fenced && line == "```console" {
				open = &block{page: page, line: number}
			}
		case open == nil:
		case isCommand:
			open.steps = append(open.steps, step{line: number, command: command})
		case len(open.steps) > 0:
			last := &open.steps[len(open.steps)-1]
			last.prints = append(last.prints, line)
		}
	}
	return all
}

// pages returns the pages below a folder, and the folder's README.
func pages(root string) (names []string, err error) {
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(name string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	})
	return append(names, filepath.Join(root, "README.md")), err
}

// A machine is where the sessions run.
type machine struct {
	path string // of a folder with the programs that pages name

	// What pages write, and what it is here: ports, folders, interfaces.
	documented, here []string
}

// run plays the steps of a block, and says where a page is wrong. A reference
// that one command printed may be given to a later one.
func (m *machine) run(b block) (complaints []string) {
	known := map[string]string{} // by what the page has in its place
	for _, s := range b.steps {
		command := s.command
		for documented, here := range known {
			command = strings.ReplaceAll(command, documented, here)
		}
		for i, documented := range m.documented {
			command = strings.ReplaceAll(command, documented, m.here[i])
		}
		cmd := exec.Command("bash", "-c", command)
		cmd.Env = append(os.Environ(), "PATH="+m.path+":"+os.Getenv("PATH"), "TZ=UTC", "LC_ALL=C.UTF-8")
		out, err := cmd.CombinedOutput()
		text := string(out)
		for i, here := range m.here {
			text = strings.ReplaceAll(text, here, m.documented[i])
		}
		got := strings.Split(strings.TrimRight(text, "\n"), "\n")
		if text == "" {
			got = nil
		}
		if !slices.EqualFunc(s.prints, got, same) {
			complaints = append(complaints, fmt.Sprintf("%s:%d: $ %s\nprints (%v):\n\t%s\nthe page says:\n\t%s", b.page, s.line, s.command, err,
				strings.Join(got, "\n\t"), strings.Join(s.prints, "\n\t")))
			continue
		}
		for i, line := range s.prints {
			here := reference.FindAllString(got[i], -1)
			for j, documented := range reference.FindAllString(line, -1) {
				known[documented] = here[j]
			}
		}
	}
	return complaints
}

var reference = regexp.MustCompile(`\b[0-9a-hjkmnp-tv-z]{4}-[0-9a-hjkmnp-tv-z]{4}\b`)

// volatile is what may differ from one run to the next, and what stands for it.
var volatile = []struct {
	form *regexp.Regexp
	is   string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b`), "<time>"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(\.\d+)?\b`), "<time>"},
	{reference, "<reference>"},
	{regexp.MustCompile(`^(scrubd +)\S+(, since .*, (?:boot|instance) )[0-9a-f]{16}$`), "${1}<version>${2}<instance>"},
	{regexp.MustCompile(`^(scrubd )\S+ go\S+ \S+$`), "${1}<version>"},
	{regexp.MustCompile(`^ *\d+( \d{3})$`), "<count>$1"},                                    // uniq -c
	{regexp.MustCompile(`\b[1-9]\d*(/\S+)? left\b`), "<count>$1 left"},                      // of a bucket
	{regexp.MustCompile(`^(\S+ .*[a-z] +)[1-9]\d*( +)\d+( +\d+)$`), "$1<count>$2<count>$3"}, // theriac shield shops
	{regexp.MustCompile(`^((?:shops|\(all\)|all)\s+(?:passed|answered|dropped|forwarded) +\S+).*$`), "$1 <rates>"},
	{regexp.MustCompile(`\b(now|\d+ \w+ ago)$`), "<ago>"},
	{regexp.MustCompile(`(latency +)\S+, \d+ commands`), "$1<latency>"},
	{regexp.MustCompile(`\bkeys +\d+ of\b`), "keys <count> of"},
	{regexp.MustCompile(` +`), " "}, // columns
}

// same reports whether two lines are the same but for what is volatile.
func same(documented, got string) bool { return form(documented) == form(got) }

func form(line string) string {
	for _, v := range volatile {
		line = v.form.ReplaceAllString(line, v.is)
	}
	return strings.TrimSpace(line)
}
