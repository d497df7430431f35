package browser

import "strings"

// operators are the characters of JavaScript that need no blank beside them.
// Two plus or minus signs in a row would need one: the sources have none.
const operators = "{}()[];,:?=<>&|^!+-*/%.\"'`"

// Tight takes out of a style or a script what only its authors need: lines that
// are comments, indentation, and blanks beside any of the signs. It leaves
// quoted text as it is. It counts on a semicolon after each statement, and knows
// no comment behind code.
func Tight(source, signs string) string {
	var lines []string
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") && !strings.HasPrefix(line, "/*") {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, " ")
	var out strings.Builder
	last := byte(';')
	for i := 0; i < len(text); {
		c := text[i]
		n := 1
		switch {
		case c == '"' || c == '\'' || c == '`':
			n = strings.IndexByte(text[i+1:], c) + 2
		case c == ' ' && (strings.IndexByte(signs, last) >= 0 || strings.IndexByte(signs, text[i+1]) >= 0):
			i++
			continue
		case c == ';' && i+1 < len(text) && strings.HasPrefix(strings.TrimLeft(text[i+1:], " "), "}"):
			i++
			continue
		}
		out.WriteString(text[i : i+n])
		last = text[i+n-1]
		i += n
	}
	return out.String()
}
