package seclang

import (
	"fmt"
	"strings"
)

// readTargets reads A|B:key|!B:/pattern/|&C, and adds it to the targets that there are:
// what an exclusion leaves out is left out of those before it.
func (l *Link) readTargets(text string) error {
	for text != "" {
		target, except, rest, err := readTarget(text)
		if err != nil {
			return err
		}
		text = rest
		if !except {
			l.Targets = append(l.Targets, target)
			continue
		}
		for i := range l.Targets {
			if l.Targets[i].Variable == target.Variable {
				l.Targets[i].Except = append(l.Targets[i].Except, target.Key)
			}
		}
	}
	return nil
}

// readTarget reads up to the next |.
func readTarget(text string) (t Target, except bool, rest string, err error) {
	whole := text
	for text != "" && (text[0] == '!' || text[0] == '&') {
		except, t.Count = except || text[0] == '!', t.Count || text[0] == '&'
		text = text[1:]
	}
	end := strings.IndexAny(text, ":|")
	if end < 0 {
		end = len(text)
	}
	t.Variable = strings.ToUpper(text[:end])
	if t.Variable == "" {
		return t, except, "", fmt.Errorf("a variable without a name in %.60q", whole)
	}
	if end == len(text) || text[end] == '|' {
		return t, except, strings.TrimPrefix(text[end:], "|"), nil
	}
	t.Key, rest, err = readKey(text[end+1:], t.Variable == "XML" || t.Variable == "JSON")
	return t, except, rest, err
}

// readKey reads key, 'key', /pattern/ or '/pattern/'. A path into a document begins with a
// slash, and is no pattern.
func readKey(text string, isPath bool) (k Key, rest string, err error) {
	quoted := !isPath && strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	if isPath || !strings.HasPrefix(text, "/") {
		k.Text, rest, _ = strings.Cut(text, "|")
		if quoted {
			k.Text = strings.TrimSuffix(k.Text, "'")
		}
		return k, rest, nil
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '/':
			k = Key{Text: text[1:i], Pattern: true}
			rest = text[i+1:]
			if quoted {
				rest = strings.TrimPrefix(rest, "'")
			}
			if rest != "" && rest[0] != '|' {
				return k, "", fmt.Errorf("text behind the pattern in %.60q", text)
			}
			return k, strings.TrimPrefix(rest, "|"), nil
		}
	}
	return k, "", fmt.Errorf("an open pattern in %.60q", text)
}
