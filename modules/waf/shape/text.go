package shape

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isExclaimed reports whether an exclamation mark stands behind a word in quotation marks,
// and each as people set it: "Sehr gut"! Immer wieder. In SQL such a mark belongs to what
// follows, and no text has both the words of a query and only marks such as these. An
// apostrophe between letters is none of the marks: it's 'gut'! Immer.
func isExclaimed(text string) (found bool) {
	var open [0x80]bool
	for i := range len(text) {
		c := text[i]
		if c != '\'' && c != '"' || i > 0 && i+1 < len(text) && isLetter(text[i-1]) && isLetter(text[i+1]) {
			continue
		}
		rest := text[i+1:]
		mark := strings.TrimLeft(rest, " \r\n")
		closes := open[c] && text[i-1] != ' '
		open[c] = !open[c]
		switch {
		case mark == "" || mark[0] != '!':
		case !closes || len(mark) < len(rest) || len(mark) > 1 && strings.IndexByte(" \r\n!?.,'\")", mark[1]) < 0:
			return false
		default:
			found = true
		}
	}
	return found && !hasQuery(strings.ToLower(text))
}

// isLetter reports whether a byte is one of a letter.
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf }

// hasQuery reports whether a text has a word or a function for which rule 942190 looks.
func hasQuery(text string) bool {
	for _, word := range [...]string{"having", "select", "union", "exec", "outfile", "dumpfile", "information_schema", "(iif"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	for _, function := range [...]string{"connection_id", "current_user", "database", "schema", "user"} {
		if _, after, found := strings.Cut(text, function); found && strings.HasPrefix(strings.TrimLeft(after, " \r\n"), "(") {
			return true
		}
	}
	return false
}

// hasRemark reports whether a prose has words in brackets beside the word in front, as in
// Insert (Einsatz) für die Schublade, and cannot be a call: elsewhere two words stand side by
// side, which is no condition of SQL and no expression of PHP, and nothing cuts them off.
func hasRemark(text string) bool {
	if !strings.Contains(text, " (") || strings.ContainsAny(text, "'\"‘’ʼ;") || strings.Contains(text, "--") { // some databases take ʼ for an apostrophe
		return false
	}
	aside, front := false, "" // what stands before a piece: nothing, or brackets, which count as a word
	for rest := text; ; front = "xx" {
		before, inside, found := strings.Cut(rest, "(")
		if strings.Contains(before, ")") {
			return false
		}
		aside = aside || hasPair(front+before)
		if !found {
			break
		}
		inside, rest, found = strings.Cut(inside, ")")
		spoken, program := commandsOf(inside)
		switch {
		case !found, !strings.HasSuffix(before, " "), isNumber(inside), strings.Contains(inside, "("), spoken, program:
			return false
		}
	}
	return aside && !hasWord(text, statements)
}

const (
	// Words of SQL with which two others may stand side by side, such as a table and its other name.
	statements = " union select from join having case when then else end procedure into collate escape using over declare set waitfor delete drop update call "
	// Words of SQL that stand beside another one.
	operators = " and or xor not like between div mod rlike regexp in is where limit offset group order by asc desc as id binary distinct null true false "
)

// hasWord reports whether a text has one of the words, which stand between blanks.
func hasWord(text, words string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if strings.Contains(words, " "+strings.ToLower(word)+" ") {
			return true
		}
	}
	return false
}

// hasPair reports whether two words stand side by side, neither of which is an operator.
func hasPair(text string) bool {
	for piece := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && r != ' ' }) {
		last := false
		for word := range strings.FieldsSeq(piece) {
			is := utf8.RuneCountInString(word) > 1 && !hasWord(word, operators)
			if is && last {
				return true
			}
			last = is
		}
	}
	return false
}

// isNumber reports whether a text has numbers alone, or nothing: sleep (5), benchmark (9,9).
func isNumber(text string) bool { return strings.Trim(text, "0123456789.,+-*/%: ") == "" }

// hasUmlaut reports whether the bytes 0xbc and 0xbe, which are < and > to programs that know
// seven bits, are parts of letters alone, as in Menü/Konto > Passwort, and the text has
// neither attributes nor scripts.
func hasUmlaut(text string) bool {
	if !strings.ContainsAny(text, "<>") || strings.Contains(text, "=") || !utf8.ValidString(text) {
		return false
	}
	found := false
	for i, r := range text {
		if letter := text[i : i+utf8.RuneLen(r)]; strings.Contains(letter, "\xbc") || strings.Contains(letter, "\xbe") {
			if !unicode.IsLetter(r) && !unicode.IsMark(r) {
				return false
			}
			found = true
		}
	}
	return found && !strings.Contains(strings.ToLower(text), "script")
}
