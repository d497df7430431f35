package waf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isExclaimed reports whether an exclamation mark stands behind a word in quotation marks,
// and each as people set it: "Sehr gut"! Immer wieder. In SQL such a mark belongs to what
// follows, and no text has both the words of a query and only marks such as these.
func isExclaimed(text string) (found bool) {
	for i := 0; i+1 < len(text); i++ {
		if strings.IndexByte("'\"", text[i]) < 0 {
			continue
		}
		closes := i > 0 && text[i-1] != ' ' && strings.IndexByte(text[:i], text[i]) >= 0
		rest := text[i+1:]
		mark := strings.TrimLeft(rest, " \r\n")
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
// side, which is no expression of SQL or PHP, and none of those by which it would be one.
func hasRemark(text string) bool {
	if !strings.Contains(text, " (") || strings.ContainsAny(text, "'\"‘’ʼ") { // some databases make an apostrophe of others
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
		case !found, !strings.HasSuffix(before, " "), strings.TrimSpace(inside) == "", strings.Contains(inside, "("), spoken, program:
			return false
		case isNumber(inside) && isWaiting(before):
			return false
		}
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if strings.Contains(operators, " "+strings.ToLower(word)+" ") {
			return false
		}
	}
	return aside
}

// operators are the words of SQL that may stand beside another one.
const operators = " and or xor not like between union select case when then else end from where having div mod rlike regexp in is " +
	" limit group order by procedure into id asc desc as collate escape using over declare set waitfor delete drop update "

// hasPair reports whether two words stand side by side.
func hasPair(text string) bool {
	words, letters := 0, 0
	for _, r := range text + "." {
		switch {
		case unicode.IsLetter(r):
			letters++
			continue
		case letters > 1:
			words++
		default:
			words = 0
		}
		if letters = 0; words > 1 {
			return true
		}
		if r != ' ' {
			words = 0
		}
	}
	return false
}

func isNumber(text string) bool { return strings.Trim(text, "0123456789.,+-*/%: ") == "" }

// isWaiting reports whether a text ends in what makes a database wait or work.
func isWaiting(text string) bool {
	text = strings.ToLower(strings.TrimRight(text, " "))
	for _, function := range [...]string{"sleep", "benchmark", "delay", "randomblob", "repeat", "lock"} {
		if strings.HasSuffix(text, function) {
			return true
		}
	}
	return false
}

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
