package parser

// readJSON reads a JSON document (RFC 8259): its leaves, each under the path to it.
func (t *Table) readJSON(_ []byte) *Error { return refuse(JSON) }
