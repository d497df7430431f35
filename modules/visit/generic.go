package visit

import (
	"bytes"
	"strings"
)

// hasGenericForm reports whether the path ends as scripts for notifications are commonly
// called: /ipn.php, /paypal/webhook, /stripe-webhook/, /payment/notify/4711.
func (a *address) hasGenericForm() bool {
	n := a.last()
	if n > 0 && isID(a.path[n]) {
		n--
	}
	return n >= 0 && isNotifyWord(a.path[n]) && a.isBelow(n)
}

// notifyWords are what a script for notifications is called, or what its name ends with.
// The name of a PHP script may also begin with one.
var notifyWords = func() map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq("callback callbacks ipn ipnhandler webhook webhooks webhookhandler notify notification notifications") {
		m[word] = true
	}
	return m
}()

var dotPHP = []byte(".php")

func isNotifyWord(segment string) bool {
	var room [maxValue]byte
	lower, ok := fold(room[:0], segment)
	if !ok {
		return false
	}
	lower, script := bytes.CutSuffix(lower, dotPHP)
	first, last := 0, len(lower)
	for i, c := range lower {
		if c == '-' || c == '_' {
			if first == 0 {
				first = i
			}
			last = i
		}
	}
	if first == 0 {
		return notifyWords[string(lower)]
	}
	return script && notifyWords[string(lower[:first])] || notifyWords[string(lower[last+1:])]
}

// isID reports whether a segment is a number, a UUID or another identifier, and no name.
func isID(segment string) bool {
	digits, hex := 0, true
	for i := range len(segment) {
		c := segment[i]
		switch {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || c == '-':
		case 'g' <= c && c <= 'z' || 'G' <= c && c <= 'Z' || c == '_':
			hex = false
		default:
			return false
		}
	}
	switch {
	case digits == 0 || len(segment) > 64:
		return false
	case digits == len(segment):
		return true
	}
	return hex && len(segment) >= 8 || len(segment) >= 16 && digits >= 2
}
