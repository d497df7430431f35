package theriac_test

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// link is a Markdown link or image, without its title.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// checkContents: a reader that begins at docs/README.md finds every page.
func checkContents(r *repository) (complaints []string) {
	const contents = "docs/README.md"
	linked := map[string]bool{contents: true}
	for _, target := range linksOf(r, contents) {
		file, _, _ := strings.Cut(target, "#")
		linked[path.Join("docs", file)] = true
	}
	for _, name := range r.names(".md") {
		if strings.HasPrefix(name, "docs/") && !linked[name] {
			complaints = append(complaints, name+" is not in the table of contents: link it from "+contents)
		}
	}
	return complaints
}

// checkLinks: what a document links in this repository exists, headings
// included.
func checkLinks(r *repository) (complaints []string) {
	for _, name := range r.names(".md") {
		for _, target := range linksOf(r, name) {
			file, anchor, hasAnchor := strings.Cut(target, "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			switch {
			case !r.has(to):
				complaints = append(complaints, fmt.Sprintf("%s links %s, which does not exist", name, target))
			case hasAnchor && strings.HasSuffix(to, ".md") && !anchors(string(r.files[to]))[anchor]:
				complaints = append(complaints, fmt.Sprintf("%s links %s, which is not a heading there", name, target))
			}
		}
	}
	return complaints
}

// linksOf returns the targets in a document that lie in this repository.
func linksOf(r *repository, name string) (targets []string) {
	for _, line := range prose(string(r.files[name])) {
		for _, match := range link.FindAllStringSubmatch(line, -1) {
			if !strings.Contains(match[1], ":") {
				targets = append(targets, match[1])
			}
		}
	}
	return targets
}

// has reports whether a file or folder exists.
func (r *repository) has(name string) bool {
	if _, ok := r.files[name]; ok || r.images[name] {
		return true
	}
	for file := range r.files {
		if strings.HasPrefix(file, name+"/") {
			return true
		}
	}
	return false
}

// anchors are the fragments under which GitHub shows a document's headings.
func anchors(text string) map[string]bool {
	set := map[string]bool{}
	for _, line := range prose(text) {
		heading := strings.TrimLeft(line, "#")
		if heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		set[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(heading))] = true
	}
	return set
}

// prose returns the lines of a document outside of its code blocks.
func prose(text string) (lines []string) {
	code := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			code = !code
			continue
		}
		if !code {
			lines = append(lines, line)
		}
	}
	return lines
}
