package replay

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/need"
)

// TestAttackKinds sends attacks of each kind in many spellings to one edge: none reaches the
// shop. Beside them stand harmless requests that look alike, which arrive byte for byte.
func TestAttackKinds(t *testing.T) {
	need.Loopback(t)
	s := openShop(t, nil)
	e := shielded(t, s, "limit pages off") // so many in a second, from as many clients
	files, err := filepath.Glob("testdata/kinds/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kinds: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for number, line := range linesOf(t, file) {
				if line != "" && line[0] != '#' {
					tryKind(t, s, e, fmt.Sprintf("line %d: %s", number+1, line), line)
				}
			}
		})
	}
}

func linesOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// tryKind tries a line: what is expected, where the text stands, and the text, which may be
// a string of Go.
func tryKind(t *testing.T, s *strictShop, e *edge.Edge, name, line string) {
	t.Helper()
	fields := strings.SplitN(line, "\t", 3)
	if len(fields) != 3 || fields[0] != "refuse" && fields[0] != "pass" {
		t.Fatalf("%s: want refuse or pass, a place and a text", name)
	}
	text := fields[2]
	if plain, err := strconv.Unquote(text); err == nil && text[0] == '"' {
		text = plain
	}
	request, ok := requestOf(fields[1], text)
	if !ok {
		t.Fatalf("%s: no such place", name)
	}
	client := newClient()
	got := raw(t, e, client, request)
	received := s.from(client)
	_, sent, _ := strings.Cut(request, "\r\n\r\n")
	switch {
	case fields[0] == "refuse" && (len(received) != 0 || got.status < 400 || got.status >= 500 || got.status == http.StatusTooManyRequests):
		t.Errorf("%s: status %d, and the shop got %d requests", name, got.status, len(received))
	case fields[0] == "pass" && (len(received) != 1 || received[0].body != sent):
		t.Errorf("%s: status %d, and the shop got %d requests%s", name, got.status, len(received), explained(t, e, got))
	}
}

// requestOf writes a request that has a text in one place.
func requestOf(place, text string) (request string, ok bool) {
	const partBoundary = "b00dary"
	method, target, header, body := "POST", "/account/profile", "", text
	switch place {
	case "q": // a field of the query
		method, target, body = "GET", "/suche?seite="+url.QueryEscape(text), ""
	case "path": // the target as it is
		method, target, body = "GET", text, ""
	case "header", "cookie": // a line of the header, or the value of a cookie
		if method, body = "GET", ""; place == "header" {
			header = text + "\r\n"
		} else {
			header = "Cookie: shop=" + text + "\r\n"
		}
	case "field": // a field of a form
		header, body = "Content-Type: application/x-www-form-urlencoded\r\n", "eintrag="+url.QueryEscape(text)
	case "form": // a form
		header = "Content-Type: application/x-www-form-urlencoded\r\n"
	case "json":
		header = "Content-Type: application/json\r\n"
	case "xml":
		header = "Content-Type: text/xml\r\n"
	case "part": // the header of a part, and its content
		header = "Content-Type: multipart/form-data; boundary=" + partBoundary + "\r\n"
		body = "--" + partBoundary + "\r\n" + text + "\r\n--" + partBoundary + "--\r\n"
	case "parts": // a multipart body
		header = "Content-Type: multipart/form-data; boundary=" + partBoundary + "\r\n"
	case "typed": // Content-Type, and behind a line end the body
		media, rest, found := strings.Cut(text, "\n")
		header, body, ok = "Content-Type: "+media+"\r\n", rest, found
		if !ok {
			return "", false
		}
	case "raw": // all of a request
		return text, true
	default:
		return "", false
	}
	if body != "" {
		header += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return method + " " + target + " HTTP/1.1\r\n" + shopHost + scripts + header + "Connection: close\r\n\r\n" + body, true
}
