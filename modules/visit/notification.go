package visit

import (
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

//go:embed notifications.txt
var notificationTable string

// notification is one line of notifications.txt.
type notification struct {
	methods []string
	path    []string
	query   [][2]string
}

var notifications = func() []*notification {
	table, err := parseNotifications(notificationTable)
	if err != nil {
		panic(err) // the table is part of the program, and tested
	}
	return table
}()

func parseNotifications(text string) (table []*notification, err error) {
	for line := range strings.Lines(text) {
		line, source, _ := strings.Cut(line, " # ")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		n := &notification{methods: words[:len(words)-1]}
		if len(n.methods) == 0 || strings.TrimSpace(source) == "" {
			return nil, fmt.Errorf("notifications.txt: %q: want methods, an address and a source", line)
		}
		path, query, _ := strings.Cut(words[len(words)-1], "?")
		n.path = strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
		for field := range strings.SplitSeq(query, "&") {
			if name, value, ok := strings.Cut(field, "="); ok {
				n.query = append(n.query, [2]string{name, value})
			}
		}
		table = append(table, n)
	}
	return table, nil
}

// isNotification reports whether a request claims to be a payment provider's notification:
// by an address at which shop software expects one, and because no browser sent it.
func isNotification(r *http.Request) bool {
	if r.Method != http.MethodPost && r.Method != http.MethodGet || sentByBrowser(r) {
		return false
	}
	a, ok := addressOf(r)
	if !ok {
		return false
	}
	if a.pathDecides() {
		if r.Method == http.MethodPost && a.hasGenericForm() {
			return true
		}
		return slices.ContainsFunc(notifications, func(n *notification) bool {
			return len(n.path) > 0 && slices.Contains(n.methods, r.Method) && n.matchesPath(&a)
		})
	}
	return slices.ContainsFunc(notifications, func(n *notification) bool {
		return len(n.query) > 0 && slices.Contains(n.methods, r.Method) && n.matchesQuery(&a)
	})
}

// sentByBrowser reports whether a request has a header that browsers add by themselves to
// navigations and fetches, and no provider's server sends. The fetch of Node.js sends
// Sec-Fetch-Mode: cors, and none of the others.
func sentByBrowser(r *http.Request) bool {
	if mode := r.Header["Sec-Fetch-Mode"]; len(mode) > 1 || len(mode) == 1 && mode[0] != "cors" {
		return true
	}
	for _, name := range ofBrowsers {
		if r.Header[name] != nil {
			return true
		}
	}
	return false
}

var ofBrowsers = []string{"Sec-Fetch-Site", "Sec-Fetch-Dest", "Sec-Fetch-User", "Sec-Fetch-Storage-Access", "Origin"}

// matchesPath compares the path's end with the line. What stands before it is where the
// shop is installed.
func (n *notification) matchesPath(a *address) bool {
	end := a.last() + 1
	if a.depth >= len(n.path) && n.path[len(n.path)-1] == "execute" {
		end = a.depth
	}
	first := end - len(n.path)
	if first < 0 || !a.isInstall(first) {
		return false
	}
	for i, want := range n.path {
		segment := a.path[first+i]
		if want == "#" && isID(segment) {
			continue
		}
		var room [maxValue]byte
		lower, ok := fold(room[:0], segment)
		if !ok || !matches(want, lower) {
			return false
		}
	}
	return true
}

// matchesQuery compares the fields that choose the page with the line: each once, and no
// others, since servers differ on which of two counts.
func (n *notification) matchesQuery(a *address) bool {
	depth := a.depth
	if depth > 0 && (strings.EqualFold(a.path[depth-1], "index.php") || strings.EqualFold(a.path[depth-1], "shop.php")) {
		depth--
	}
	if !a.isInstall(depth) {
		return false
	}
	var found [4]bool
	same := fields(a.query, func(name, value string) bool {
		for i, want := range n.query {
			if name != want[0] {
				continue
			}
			var room [maxValue]byte
			lower, ok := decode(room[:0], value)
			if !ok || found[i] || !matches(want[1], lower) {
				return false
			}
			found[i] = true
			return true
		}
		return !chooses(name)
	})
	return same && !slices.Contains(found[:len(n.query)], false)
}

// maxValue is longer than any name of a notification's page.
const maxValue = 96

// decode appends a value in lower case, with the separators that clients escape.
func decode(room []byte, value string) ([]byte, bool) {
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '%' && i+2 < len(value) && strings.EqualFold(value[i:i+3], "%2f"):
			c, i = '/', i+2
		case c == '%' && i+2 < len(value) && strings.EqualFold(value[i:i+3], "%7c"):
			c, i = '|', i+2
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if !isPlain(c) && c != '|' || len(room) == cap(room) {
			return nil, false
		}
		room = append(room, c)
	}
	return room, true
}

// matches compares a text with a pattern, in which * is any text. No text matches none.
func matches(pattern string, text []byte) bool { return len(text) > 0 && glob(pattern, text) }

func glob(pattern string, text []byte) bool {
	for i := range len(pattern) {
		if pattern[i] == '*' {
			for skip := i; skip <= len(text); skip++ {
				if glob(pattern[i+1:], text[skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(text) || text[i] != pattern[i] {
			return false
		}
	}
	return len(pattern) == len(text)
}
