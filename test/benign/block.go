package benign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
)

// template is a block as it is read: what rows fill in stands in it as {name}.
type template struct {
	*block
	method, target string
	query          []string // "name = value"
	fields         []Field
	kind           string // of the body: form, multipart, json, xml, or empty for what goes out as it stands
	body           []string
	columns        []string
	rows           int // the first line with a row
}

// requests makes one request of a block, or one of each of its rows.
func (b *block) requests(clients map[string][]Field) (requests []Request, err error) {
	t, err := b.template(clients)
	if err != nil {
		return nil, err
	}
	if t.columns == nil {
		r, err := t.fill(0, nil)
		return []Request{r}, err
	}
	for i := t.rows; i < len(b.lines); i++ {
		line := b.lines[i]
		if line == "" {
			continue
		}
		cells := []string{line}
		if len(t.columns) > 1 {
			cells = strings.Split(line, " | ")
		}
		if len(cells) != len(t.columns) {
			return nil, b.fail(i, "%d cells, and %d columns", len(cells), len(t.columns))
		}
		row := make(map[string]string)
		for j, name := range t.columns {
			row[name] = cells[j]
			if !t.isWhole(name) {
				row[name] = unescaped(cells[j])
			}
		}
		r, err := t.fill(i, row)
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	if requests == nil {
		return nil, b.fail(t.rows, "no rows below @each")
	}
	return requests, nil
}

// template reads the lines of a block: the request line, lines with a meaning,
// an empty line, the body.
func (b *block) template(clients map[string][]Field) (*template, error) {
	t := &template{block: b, fields: []Field{{"Host", "shop.example"}}}
	inBody := false
	for i, line := range b.lines {
		word, rest, _ := strings.Cut(line, " ")
		name, value, isField := strings.Cut(line, ": ")
		switch {
		case word == "@each":
			t.columns, t.rows = strings.Split(rest, " | "), i+1
			return t, t.check(i)
		case inBody:
			t.body = append(t.body, line)
		case i == 0:
			t.method, t.target = word, rest
		case line == "":
			inBody = true
		case word == "?":
			t.query = append(t.query, rest)
		case word == "@form":
			t.expect("form", "application/x-www-form-urlencoded")
		case word == "@json":
			t.expect("json", "application/json")
		case word == "@multipart":
			t.expect("multipart", "multipart/form-data; boundary="+boundary)
		case word == "@related":
			t.expect("related", "multipart/related; type=\"application/xop+xml\"; start-info=\"text/xml\"; boundary="+boundary)
		case word[0] == '@' && clients[word[1:]] != nil:
			t.fields = with(t.fields, clients[word[1:]]...)
		case isField && !strings.Contains(name, " "):
			t.fields = with(t.fields, Field{name, value})
			if name == "Content-Type" {
				t.kind = kindOf(value)
			}
		default:
			return nil, b.fail(i, "%q has no meaning here", line)
		}
	}
	return t, t.check(0)
}

// isWhole reports whether a column is a whole document, which stands in its
// rows as it goes out.
func (t *template) isWhole(column string) bool {
	return (t.kind == "json" || t.kind == "xml") && len(t.body) == 1 && t.body[0] == "{"+column+"}"
}

// kindOf is how what rows fill in is escaped in a body of this type.
func kindOf(contentType string) string {
	for _, kind := range []string{"json", "xml"} {
		if strings.Contains(contentType, kind) {
			return kind
		}
	}
	return ""
}

func (t *template) expect(kind, contentType string) {
	t.kind = kind
	t.fields = with(t.fields, Field{"Content-Type", contentType})
}

func (t *template) check(line int) error {
	if t.method == "" || t.target == "" {
		return t.fail(line, "a block begins with a request line, such as GET /search")
	}
	for len(t.body) > 0 && t.body[len(t.body)-1] == "" {
		t.body = t.body[:len(t.body)-1]
	}
	return nil
}

// fill makes a request of the template and a row.
func (t *template) fill(line int, row map[string]string) (r Request, err error) {
	r = Request{Where: t.where(line), Title: t.title, Method: filled(t.method, row, nil), Target: address(filled(t.target, row, nil))}
	if row == nil {
		r.Where = t.where(-1)
	}
	if r.Target[0] != '/' || strings.Contains(r.Target, "#") {
		return r, t.fail(line, "%q is not the target of a request", r.Target)
	}
	if len(t.query) > 0 {
		r.Target += "?" + form(t.query, row)
	}
	for _, f := range t.fields {
		r.Header = with(r.Header, Field{filled(f.Name, row, nil), filled(f.Value, row, nil)})
	}
	body := strings.Join(t.body, "\n")
	for name, cell := range row {
		if t.isWhole(name) {
			body = cell
		}
	}
	switch t.kind {
	case "form":
		r.Body = form(t.body, row)
	case "json":
		r.Body = generated(filled(body, row, quoted))
		if !json.Valid([]byte(r.Body)) {
			return r, t.fail(line, "the body is not JSON")
		}
	case "xml":
		r.Body = generated(filled(body, row, html.EscapeString))
	case "multipart":
		r.Body, err = multipart(t.body, row)
	case "related":
		r.Body, err = related(t.body)
	default:
		r.Body = generated(filled(body, row, nil))
	}
	if err != nil {
		return r, t.fail(line, "%v", err)
	}
	return r, nil
}

// address escapes what browsers do in an address that somebody wrote.
func address(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>`", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// form encodes lines with name = value.
func form(lines []string, row map[string]string) string {
	var pairs []string
	for _, line := range lines {
		name, value, _ := cut(line)
		name, value = filled(name, row, nil), generated(filled(unescaped(value), row, nil))
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(strings.ReplaceAll(value, "\n", "\r\n")))
	}
	return strings.Join(pairs, "&")
}

func cut(line string) (name, value string, ok bool) {
	if name, ok = strings.CutSuffix(line, " ="); ok {
		return name, "", true
	}
	return strings.Cut(line, " = ")
}

// filled puts the cells of a row into a text.
func filled(text string, row map[string]string, escape func(string) string) string {
	var pairs []string
	for name, cell := range row {
		if escape != nil {
			cell = escape(cell)
		}
		pairs = append(pairs, "{"+name+"}", cell)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// quoted is a text as it stands between the quotes of JSON, as JavaScript
// writes it: without escapes for HTML.
func quoted(text string) string {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	_ = to.Encode(text) // a string
	return strings.Trim(b.String(), "\n")[1 : b.Len()-2]
}

// unescaped reads \n as a new line, and \\ as one stroke.
func unescaped(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(text)
}
