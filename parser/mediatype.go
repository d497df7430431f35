package parser

import "strings"

// mediaType is what Content-Type says.
type mediaType struct {
	essence string // such as text/xml, in lower case
	charset string // in lower case
	whole   string // as sent
}

// parseMediaType reads a Content-Type (RFC 9110, section 8.3.1). Servers cut a broken
// one at different characters and take different bodies for forms. Python's know charset*
// and charset*0 (RFC 2231).
func parseMediaType(header string) (mediaType, *Error) {
	m := mediaType{whole: header}
	essence, rest, _ := strings.Cut(header, ";")
	if m.essence = strings.ToLower(strings.Trim(essence, " \t")); m.essence == "" && rest == "" {
		return m, nil
	}
	kind, subtype, _ := strings.Cut(m.essence, "/")
	if !isToken(kind) || !isToken(subtype) {
		return m, refuse(ContentType)
	}
	seen := ""
	for rest = strings.TrimLeft(rest, " \t;"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		name, value, after, ok := cutParameter(rest)
		name = strings.ToLower(name)
		if !ok || strings.Contains(seen, ";"+name+";") || strings.HasPrefix(name, "charset*") {
			return m, refuse(ContentType)
		}
		if seen += ";" + name + ";"; name == "charset" {
			m.charset = strings.ToLower(value)
		}
		rest = strings.TrimLeft(after, " \t")
		if rest != "" && rest[0] != ';' {
			return m, refuse(ContentType)
		}
		rest = strings.TrimLeft(rest, " \t;")
	}
	return m, nil
}

// cutParameter cuts name=value or name="value" off.
func cutParameter(text string) (name, value, after string, ok bool) {
	name, after, ok = strings.Cut(text, "=")
	if !ok || !isToken(name) {
		return "", "", "", false
	}
	if strings.HasPrefix(after, `"`) {
		value, after, ok = strings.Cut(after[1:], `"`)
		return name, value, after, ok && !strings.ContainsRune(value, '\\') && isPrintable(value)
	}
	end := strings.IndexAny(after, "; \t")
	if end < 0 {
		end = len(after)
	}
	return name, after[:end], after[end:], isToken(after[:end])
}

// isToken reports whether a text is a token (RFC 9110, section 5.6.2). Clients also put
// / : = ? @ into values without quotes, which no server takes for an end.
func isToken(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),;<>[\]{}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}

func isPrintable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isJSON reports whether a type is a JSON document.
func (m *mediaType) isJSON() bool {
	return m.essence == "application/json" || m.essence == "text/json" || strings.HasSuffix(m.essence, "+json")
}

// isLines reports whether a type is a JSON document a line.
func (m *mediaType) isLines() bool {
	switch m.essence {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-seq":
		return true
	}
	return false
}

// isXML reports whether a type is an XML document.
func (m *mediaType) isXML() bool {
	return m.essence == "application/xml" || m.essence == "text/xml" || strings.HasSuffix(m.essence, "+xml")
}

// isFile reports whether a type is a file that servers store and do not parse. A body
// without a type is one (RFC 9110, section 8.3).
func (m *mediaType) isFile() bool {
	kind, _, _ := strings.Cut(m.essence, "/")
	switch kind {
	case "", "image", "video", "audio", "font":
		return true
	}
	switch m.essence {
	case "application/octet-stream", "application/offset+octet-stream", "application/partial-upload", "application/pdf", "application/zip",
		"application/gzip", "application/x-protobuf", "application/protobuf":
		return true
	}
	return false
}
