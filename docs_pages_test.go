package theriac_test

import (
	"regexp"
	"strings"
)

// A table is one of a Markdown page: under which heading it is, and its cells.
type table struct {
	page, heading string
	head          []string
	rows          [][]string
}

// tablesOf reads the tables of a page.
func tablesOf(page, text string) (all []table) {
	heading, inFence := "", false
	var open *table
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inFence = !inFence
		case inFence:
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		case !strings.HasPrefix(line, "|"):
			open = nil
		case open == nil:
			all = append(all, table{page: page, heading: heading, head: cellsOf(line)})
			open = &all[len(all)-1]
		case strings.Trim(line, "|-: ") == "":
		default:
			open.rows = append(open.rows, cellsOf(line))
		}
	}
	return all
}

func cellsOf(line string) (cells []string) {
	line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00")
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, strings.TrimSpace(strings.ReplaceAll(cell, "\x00", "|")))
	}
	return cells
}

// A block is a fenced one of a page.
type block struct {
	page, language, text string
	line                 int // of its first line of text
}

// blocksOf reads the fenced blocks of a page.
func blocksOf(page, text string) (all []block) {
	var open *block
	number := 0
	for line := range strings.Lines(text) {
		number++
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &block{page: page, language: language, line: number + 1}
		case fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return all
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// spansOf returns what a text has between backticks.
func spansOf(text string) (spans []string) {
	for _, found := range codeSpan.FindAllStringSubmatch(text, -1) {
		spans = append(spans, found[1])
	}
	return spans
}

// proseOf is a page without its fenced blocks.
func proseOf(text string) string {
	var prose strings.Builder
	inFence := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inFence = !inFence
		} else if !inFence {
			prose.WriteString(line)
		}
	}
	return prose.String()
}

// wordsIn makes a set of a text's words.
func wordsIn(text string) map[string]bool {
	return setOf(strings.FieldsFuncSeq(text, func(r rune) bool {
		return !(r == '_' || r == '-' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}))
}
