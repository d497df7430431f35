// Package benign reads the requests of test/benign/testdata, which no shop may
// refuse. It knows nothing of edges or rules: tests send what it makes. A file
// that it cannot read to the letter is an error, since a request left out would
// be a promise left out.
package benign

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Request is one request of the corpus.
type Request struct {
	Where  string // file:line of it, or of the row that makes it
	Title  string
	Method string
	Target string
	Header []Field
	Body   string
}

// Field is a field of the header.
type Field struct{ Name, Value string }

// Bytes is the request on the wire, on a connection of its own.
func (r *Request) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.Target)
	for _, f := range r.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	if r.Body != "" || slices.Contains([]string{"POST", "PUT", "PATCH"}, r.Method) {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	b.WriteString("Connection: close\r\n\r\n" + r.Body)
	return b.Bytes()
}

// Read makes the requests of all files of the folder; clients.txt names the
// header fields that they share.
func Read(dir string) (requests []Request, err error) {
	const shared = "clients.txt"
	clients := make(map[string][]Field)
	blocks, err := readBlocks(dir, shared)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if clients[b.title], err = b.header(clients); err != nil {
			return nil, err
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(names) < 2 {
		return nil, fmt.Errorf("reading the corpus: there is none in %s", dir)
	}
	for _, path := range names {
		name := filepath.Base(path)
		if name == shared {
			continue
		}
		blocks, err := readBlocks(dir, name)
		if err != nil {
			return nil, err
		}
		for _, b := range blocks {
			made, err := b.requests(clients)
			if err != nil {
				return nil, err
			}
			requests = append(requests, made...)
		}
	}
	return requests, nil
}

// block is what stands between two lines with ===.
type block struct {
	file, title string
	at          int // the line of the title
	lines       []string
}

// fail says what is wrong at a line of the block.
func (b *block) fail(i int, format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{b.where(i)}, args...)...)
}

// where is the place of a line of the block, as editors read it.
func (b *block) where(i int) string { return b.file + ":" + strconv.Itoa(b.at+1+i) }

// readBlocks cuts a file. What stands before the first title is a comment.
func readBlocks(dir, name string) (blocks []*block, err error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("reading the corpus: %w", err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if title, ok := strings.CutPrefix(line, "=== "); ok {
			blocks = append(blocks, &block{file: name, title: title, at: i + 1})
			continue
		}
		if len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		}
	}
	return blocks, nil
}

// header reads a block of clients.txt.
func (b *block) header(clients map[string][]Field) (fields []Field, err error) {
	for i, line := range b.lines {
		switch name, value, ok := strings.Cut(line, ": "); {
		case line == "":
		case line[0] == '@' && clients[line[1:]] != nil:
			fields = with(fields, clients[line[1:]]...)
		case !ok:
			return nil, b.fail(i, "%q is not a header field", line)
		default:
			fields = with(fields, Field{name, value})
		}
	}
	return fields, nil
}

// with adds fields; one of the same name is replaced.
func with(fields []Field, more ...Field) []Field {
	for _, f := range more {
		same := func(other Field) bool { return strings.EqualFold(other.Name, f.Name) }
		if i := slices.IndexFunc(fields, same); i >= 0 {
			fields = slices.Clone(fields)
			fields[i] = f
			continue
		}
		fields = append(slices.Clip(fields), f)
	}
	return fields
}
