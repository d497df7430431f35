package parser

import (
	"bytes"
	"strings"
)

// readXML reads an XML document: its attributes and texts; comments, instructions and the
// document type as texts. The charset is that of the Content-Type. A blank body has no
// values.
//
// Software that asks for the text of an element gets it without the comments and elements
// that stand in it. So a text in pieces is also added whole.
func (t *Table) readXML(body []byte, charset string) *Error {
	text, err := xmlText(body, charset)
	if err != nil {
		return err
	}
	r := xmlReader{table: t, rest: text, known: make(map[string]bool)}
	err = r.document()
	t.Elements += string(r.names)
	return err
}

// looksLikeXML reports whether a body begins as a tag does.
func looksLikeXML(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, bom), blanks)
	return len(body) > 0 && body[0] == '<'
}

// An xmlReader goes once through a document. It accepts what XML 1.0 does, without a
// document type definition of its own and so without entities.
type xmlReader struct {
	table *Table
	rest  string          // what is not read yet
	open  []xmlElement    // those in which the reader is
	known map[string]bool // names of elements
	names []byte          // the same, in their order
	own   []byte          // the texts of the open elements, an inner one's behind an outer's
	began bool            // the root has begun
}

type xmlElement struct {
	name   string
	own    int // where its text begins
	pieces int // of its text, between which something else stands
}

func (r *xmlReader) document() (err *Error) {
	isBlank := strings.Trim(r.rest, blanks) == ""
	for r.rest != "" && err == nil {
		if r.rest[0] == '<' {
			err = r.markup()
		} else {
			err = r.characters()
		}
	}
	if err == nil && (len(r.open) > 0 || !r.began && !isBlank) {
		return refuse(XML)
	}
	return err
}

func (r *xmlReader) markup() *Error {
	switch {
	case strings.HasPrefix(r.rest, "</"):
		return r.end()
	case strings.HasPrefix(r.rest, "<?"):
		return r.instruction()
	case strings.HasPrefix(r.rest, "<!--"):
		return r.comment()
	case strings.HasPrefix(r.rest, "<![CDATA["):
		return r.section()
	case strings.HasPrefix(r.rest, "<!DOCTYPE"):
		return r.doctype()
	case strings.HasPrefix(r.rest, "<!ENTITY"):
		return refuse(DTD)
	}
	return r.start()
}

// text adds a text, unless it is blank.
func (r *xmlReader) text(text string) *Error {
	text = strings.Trim(text, blanks)
	if text == "" {
		return nil
	}
	return r.table.add(XMLText, "", text, len(text))
}

// piece adds a piece of the text of the innermost element.
func (r *xmlReader) piece(text string) *Error {
	if len(r.open) == 0 {
		return refuse(XML)
	}
	r.own = append(r.own, text...)
	if strings.Trim(text, blanks) != "" {
		r.open[len(r.open)-1].pieces++
	}
	return r.text(text)
}

// characters reads a text up to the next tag.
func (r *xmlReader) characters() *Error {
	raw, _, _ := strings.Cut(r.rest, "<")
	r.rest = r.rest[len(raw):]
	if len(r.open) == 0 && strings.Trim(raw, blanks) == "" {
		return nil
	}
	text, ok := dereference(raw)
	if !ok || strings.Contains(raw, "]]>") {
		return refuse(XML)
	}
	return r.piece(text)
}

func (r *xmlReader) section() *Error {
	text, rest, ok := strings.Cut(r.rest[len("<![CDATA["):], "]]>")
	if !ok {
		return refuse(XML)
	}
	r.rest = rest
	return r.piece(text)
}

func (r *xmlReader) comment() *Error {
	text, rest, ok := strings.Cut(r.rest[len("<!--"):], "--")
	if !ok || !strings.HasPrefix(rest, ">") {
		return refuse(XML)
	}
	r.rest = rest[1:]
	return r.text(text)
}

// instruction reads a processing instruction. Its value has the marks, as rules know
// <?php by them.
func (r *xmlReader) instruction() *Error {
	inner, rest, ok := strings.Cut(r.rest[len("<?"):], "?>")
	target := inner[:nameLength(inner)]
	isApart := len(target) == len(inner) || strings.IndexByte(blanks, inner[len(target)]) >= 0
	if !ok || target == "" || !isApart || strings.EqualFold(target, "xml") {
		return refuse(XML)
	}
	r.rest = rest
	return r.text("<?" + inner + "?>")
}

func (r *xmlReader) start() *Error {
	r.cut("<")
	name := r.name()
	if name == "" || r.began && len(r.open) == 0 {
		return refuse(XML)
	}
	if len(r.open) == r.table.limits.Depth {
		return refuse(Depth)
	}
	r.began = true
	if !r.known[name] {
		r.known[name] = true
		r.names = append(append(r.names, name...), '.')
	}
	for {
		isApart := r.skip()
		switch {
		case r.cut("/>"):
			return nil
		case r.cut(">"):
			r.open = append(r.open, xmlElement{name: name, own: len(r.own)})
			return nil
		case !isApart:
			return refuse(XML)
		}
		if err := r.attribute(); err != nil {
			return err
		}
	}
}

func (r *xmlReader) attribute() *Error {
	name := r.name()
	r.skip()
	if name == "" || !r.cut("=") {
		return refuse(XML)
	}
	r.skip()
	if r.rest == "" || r.rest[0] != '"' && r.rest[0] != '\'' {
		return refuse(XML)
	}
	raw, rest, ok := strings.Cut(r.rest[1:], r.rest[:1])
	if !ok || strings.Contains(raw, "<") {
		return refuse(XML)
	}
	r.rest = rest
	text, ok := dereference(spaces.Replace(raw))
	if !ok {
		return refuse(XML)
	}
	return r.table.add(XMLAttribute, name, text, len(name)+len(text))
}

// end closes the innermost element. If its text is in pieces, software that asks for it
// gets them together.
func (r *xmlReader) end() *Error {
	r.cut("</")
	name := r.name()
	r.skip()
	last := len(r.open) - 1
	if !r.cut(">") || last < 0 || r.open[last].name != name {
		return refuse(XML)
	}
	element := r.open[last]
	text := r.own[element.own:]
	r.open, r.own = r.open[:last], r.own[:element.own]
	if element.pieces > 1 {
		return r.text(string(text))
	}
	return nil
}

// cut skips a mark, and reports whether it is there.
func (r *xmlReader) cut(mark string) (ok bool) {
	r.rest, ok = strings.CutPrefix(r.rest, mark)
	return ok
}

// skip skips blanks, and reports whether there are any.
func (r *xmlReader) skip() bool {
	before := len(r.rest)
	r.rest = strings.TrimLeft(r.rest, blanks)
	return len(r.rest) < before
}

func (r *xmlReader) name() string {
	name := r.rest[:nameLength(r.rest)]
	r.rest = r.rest[len(name):]
	return name
}
