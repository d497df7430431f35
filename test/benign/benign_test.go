package benign_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/benign"
)

const clients = "=== browser\nUser-Agent: A\nAccept: a\n=== phone\n@browser\nUser-Agent: B\n"

// readOne reads a corpus of one file.
func readOne(t *testing.T, text string) ([]benign.Request, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"clients.txt": clients, "a.txt": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return benign.Read(dir)
}

// TestRead: what a block means, on the wire.
func TestRead(t *testing.T) {
	const host, end = "Host: shop.example\r\n", "Connection: close\r\n\r\n"
	for text, want := range map[string]string{
		"GET /":                            "GET / HTTP/1.1\r\n" + host + end,
		"GET /ö?a=\"b\"":                   "GET /%C3%B6?a=%22b%22 HTTP/1.1\r\n" + host + end,
		"GET /\n? q = a b\n? r = ö&":       "GET /?q=a+b&r=%C3%B6%26 HTTP/1.1\r\n" + host + end,
		"GET /\n@phone":                    "GET / HTTP/1.1\r\n" + host + "User-Agent: B\r\nAccept: a\r\n" + end,
		"POST /\n@form\n\na = 1 = 2\nb =":  "POST / HTTP/1.1\r\n" + host + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n" + end + "a=1+%3D+2&b=",
		"GET /{x}\n@each x | y\nb | c | d": "a.txt:4: 3 cells, and 2 columns",
		"GET /{x}\n@each x":                "a.txt:4: no rows below @each",
		"GET x":                            `a.txt:2: "x" is not the target of a request`,
		"GET /#x":                          `a.txt:2: "/#x" is not the target of a request`,
		"GET /\n@nobody":                   `a.txt:3: "@nobody" has no meaning here`,
		"POST /\n@json\n\n{":               "a.txt:2: the body is not JSON",
		"GET /{x}\n@each x\nb":             "GET /b HTTP/1.1\r\n" + host + end,
		"POST /\n@json\n\n{\"a\":\"{x}\"}\n@each x\n<\"\\n>": "POST / HTTP/1.1\r\n" + host +
			"Content-Type: application/json\r\nContent-Length: 14\r\n" + end + `{"a":"<\"\n>"}`,
		"POST /\n@json\n\n{x}\n@each x\n{\"a\":\"\\n\"}": "POST / HTTP/1.1\r\n" + host +
			"Content-Type: application/json\r\nContent-Length: 10\r\n" + end + `{"a":"\n"}`,
		"POST /\nContent-Type: text/xml\n\n<a>{x}</a>\n@each x\n<&": "POST / HTTP/1.1\r\n" + host +
			"Content-Type: text/xml\r\nContent-Length: 16\r\n" + end + "<a>&lt;&amp;</a>",
	} {
		requests, err := readOne(t, "=== title\n"+text+"\n")
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case len(requests) == 1:
			got = string(requests[0].Bytes())
		}
		if got != want {
			t.Errorf("%q makes\n%q, want\n%q", text, got, want)
		}
	}
}

// TestReadFiles: files are of their size, and the same each time.
func TestReadFiles(t *testing.T) {
	const text = "=== title\nPOST /\n@multipart\n\nf = @jpeg 2000 \"Rezept Müller.jpg\"\n=== other\nPOST /\n\n{binary png 300} {pdf 30}\n"
	one, err := readOne(t, text)
	if err != nil {
		t.Fatal(err)
	}
	two, err := readOne(t, text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range one {
		if one[i].Body != two[i].Body {
			t.Errorf("%s: not the same twice", one[i].Where)
		}
	}
	if !strings.Contains(one[0].Body, "filename=\"Rezept Müller.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8") || len(one[0].Body) < 2000 {
		t.Errorf("the upload is %.200q", one[0].Body)
	}
	if !strings.HasPrefix(one[1].Body, "\x89PNG") || !strings.Contains(one[1].Body, " JVBERi0") {
		t.Errorf("the body is %.400q", one[1].Body)
	}
}

// TestReadNothing: an empty corpus is no corpus.
func TestReadNothing(t *testing.T) {
	if _, err := benign.Read(t.TempDir()); err == nil {
		t.Error("an empty folder is read without complaint")
	}
}
