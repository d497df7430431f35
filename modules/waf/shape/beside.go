package shape

import "strings"

// Beside returns the shapes that a text may stand beside: those about command lines, if it
// has neither a program nor a mark that shells know, or is prose or a link itself; those about
// calls and quotations, if it has neither marks nor words of SQL.
func Beside(text string, all Shape) (beside Shape) {
	spoken, program := commandsOf(text)
	if all&(Prose|Link) != 0 || !spoken && !program && !strings.ContainsAny(text, ";|&`$(){}<>\\'\"*?[]^~!\n") {
		beside = Prose | Link
	}
	if !strings.ContainsAny(text, "'\"`´‘’ʼ();=<>|&$#%*\\!") && !strings.Contains(text, "--") && !hasWord(text, operators) && !hasWord(text, statements) {
		beside |= Quotation | Remark | Umlaut
	}
	return beside
}
