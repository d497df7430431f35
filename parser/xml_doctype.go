package parser

import (
	"bytes"
	"regexp"
)

const quoted = `(?:"[^"<>]*"|'[^'<>]*')`

// bareDoctype is a document type up to where definitions of the sender's could begin. Its
// groups are the text, and the address of the definition in quotes.
var bareDoctype = regexp.MustCompile(`^<!DOCTYPE[ \t\n]+([^ \t\n<>\["'%&]+` +
	`(?:[ \t\n]+(?:SYSTEM|PUBLIC[ \t\n]+` + quoted + `)[ \t\n]+(` + quoted + `))?)[ \t\n]*`)

// ownDefinition is a file beside the document, or one of the publishers of formats that
// merchandise systems use. In any other, which software may load, the sender can define
// entities.
var ownDefinition = regexp.MustCompile(`^.(?:(?:[\w-][\w.-]*/)*[\w-][\w.-]*` +
	`|https?://(?:(?:www|xml)\.)?(?:apple\.com|bmecat\.org|cxml\.org|oasis-open\.org|opentrans\.org|w3\.org)/[\w./-]*)?.$`)

func (r *xmlReader) doctype() *Error {
	match := bareDoctype.FindStringSubmatch(r.rest)
	if match == nil || r.began {
		return refuse(XML)
	}
	switch r.rest = r.rest[len(match[0]):]; {
	case r.cut("["), match[2] != "" && !ownDefinition.MatchString(match[2]):
		return refuse(DTD)
	case r.cut(">"):
		return r.text(match[1])
	}
	return refuse(XML)
}

// externalEntity is the declaration of an entity whose text is another file.
var externalEntity = regexp.MustCompile(`<!ENTITY[ \t\r\n]+(?:%[ \t\r\n]+)?[^ \t\r\n<>"']+[ \t\r\n]+(?:SYSTEM|PUBLIC)[ \t\r\n]`)

// includesFiles reports whether an uploaded file is XML, such as SVG, that has software
// which opens it read other files. Entities with a text of their own are common there:
// drawing programs write them. NUL bytes are those of UTF-16.
func includesFiles(file []byte) bool {
	if begin := file[:min(4, len(file))]; bytes.IndexByte(begin, 0) >= 0 {
		file = bytes.ReplaceAll(file, []byte{0}, nil)
	}
	file = bytes.TrimPrefix(bytes.TrimPrefix(file, []byte("\xff\xfe")), []byte("\xfe\xff"))
	return looksLikeXML(file) && externalEntity.Match(file)
}
