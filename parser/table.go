package parser

import "strings"

// Source is where in a request a value stands.
type Source uint8

// The sources of values.
const (
	Query        Source = iota + 1 // a field of the query
	Form                           // a field of a form
	Part                           // a field of a multipart form
	Filename                       // the name of an uploaded file; Name is the field's
	Header                         // a header or trailer
	HeaderOfPart                   // a header of a part, as `Content-Type: image/png`; Name is the field's
	Cookie                         // a cookie
	Leaf                           // a value of a JSON document; Name is the path to it, as json.items.0.pzn
	XMLText                        // a text of an XML document, or a comment
	XMLAttribute                   // an attribute of an XML document
	Body                           // a body without fields; Name is "body"
)

// Value is something that a shop's software would read from the request.
type Value struct {
	Source Source
	Name   string // no two names in a table share memory
	Text   string // as the software gets it: decoded
	IsBare bool   // sent without a value: it may be a text, and no name
}

// Kind is how a body was read.
type Kind uint8

// The kinds of bodies.
const (
	NoBody        Kind = iota
	FormBody           // name=value&name=value
	MultipartBody      // fields and files
	JSONBody
	XMLBody
	TextBody   // a text without fields
	OpaqueBody // a file that rules cannot read
)

// Limits bound what a request may consist of. They keep the cost of rules, which grows
// with the number of values and their length, within reason.
type Limits struct {
	Arguments int   // values of query, form and document together
	Parts     int   // parts of a multipart body
	Cookies   int   // cookies
	Depth     int   // nesting of a document
	Text      int64 // bytes of query, cookies, fields and documents together, names included
}

// Table is a request as read: its values, in the order in which they were sent.
type Table struct {
	Values []Value
	Kind   Kind   // of the body
	Size   int    // bytes of the body
	Text   int64  // bytes that count toward Limits.Text
	Files  int64  // bytes of uploaded files
	Raw    string // a form as it was sent, which some rules read as well

	// Elements is what the elements of XML documents are called, each once, with dots between.
	// Some software builds objects by these names, as by those in JSON.
	Elements string

	limits    Limits
	arguments int
	parts     int
}

// add appends an argument of which rules will read so many bytes. A file that the client
// has put into a field as base64 is one: it has no letter that an attack needs.
func (t *Table) add(source Source, name, text string, size int) *Error {
	t.arguments++
	if t.arguments > t.limits.Arguments {
		return refuse(Arguments)
	}
	if isFile(text) {
		t.Files += int64(len(text))
		size, text = size-len(text), ""
	}
	if err := t.grow(size); err != nil {
		return err
	}
	t.Values = append(t.Values, Value{Source: source, Name: name, Text: text})
	return nil
}

// grow counts bytes that rules will read closely.
func (t *Table) grow(n int) *Error {
	t.Text += int64(n)
	if t.Text > t.limits.Text {
		return refuse(Text)
	}
	return nil
}

// own gives each value from the i-th on a name in memory of its own. Coraza 3.8.1 keeps
// transformed values by the address of the name, and would take one value for another.
func (t *Table) own(i int) {
	size := 0
	for _, v := range t.Values[i:] {
		size += len(v.Name) + 1
	}
	var names strings.Builder
	names.Grow(size)
	for _, v := range t.Values[i:] {
		names.WriteString(v.Name)
		names.WriteByte(0)
	}
	rest := names.String()
	for ; i < len(t.Values); i++ {
		n := len(t.Values[i].Name)
		t.Values[i].Name = rest[:n+1][:n] // an empty name has an address as well
		rest = rest[n+1:]
	}
}
