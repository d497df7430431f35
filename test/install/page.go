package install

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// A block is what a page has the reader type at once, and what it says that this prints.
type block struct {
	page    string // and line
	section string
	lines   []string // commands; one with a here-document is one line
	prints  []string
}

// read returns the blocks ```sh of a page. A block ```text right after one is what it prints.
func read(name string) (all []block, err error) {
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		return nil, err
	}
	return blocksOf(name, string(text)), nil
}

func blocksOf(name, text string) (all []block) {
	section, fence, number := "", "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		number++
		opened, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && fence != "":
			fence = ""
		case isFence:
			fence = opened
			if fence == "sh" {
				all = append(all, block{page: fmt.Sprintf("docs/%s:%d", name, number), section: section})
			}
		case fence == "sh":
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		case fence == "text" && len(all) > 0 && all[len(all)-1].section == section:
			last := &all[len(all)-1]
			last.prints = append(last.prints, line)
		case fence == "" && strings.HasPrefix(line, "## "):
			section = strings.TrimPrefix(line, "## ")
		}
	}
	for i := range all {
		all[i].lines = joined(all[i].lines)
	}
	return all
}

// heredoc finds the word that ends a here-document.
var heredoc = regexp.MustCompile(`<<'(\w+)'$`)

// joined makes one line of each here-document, and of what a comment follows.
func joined(lines []string) (commands []string) {
	end := ""
	for _, line := range lines {
		if end != "" {
			commands[len(commands)-1] += "\n" + line
			if line == end {
				end = ""
			}
			continue
		}
		if found := heredoc.FindStringSubmatch(line); found != nil {
			end = found[1]
		}
		command, _, _ := strings.Cut(line, "  # ")
		commands = append(commands, strings.TrimSpace(command))
	}
	return commands
}

// missing returns the lines that the page says are printed and that are not in what was.
// Spaces are columns; … stands for anything.
func (b block) missing(printed string) (lines []string) {
	for _, line := range b.prints {
		words := strings.Fields(regexp.QuoteMeta(line))
		pattern := "(?m)^" + strings.ReplaceAll(strings.Join(words, `\s+`), "…", ".*") + `\s*$`
		if !regexp.MustCompile(pattern).MatchString(printed) {
			lines = append(lines, line)
		}
	}
	return lines
}
