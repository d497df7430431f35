package parser

// readJSON reads a JSON document (RFC 8259): its leaves, each under the path to it.
func (t *Table) readJSON(_ []byte) *Error { return refuse(JSON) }

func (t *Table) readJSONLines(_ []byte) *Error { return refuse(JSON) }

func looksLikeJSON(_ []byte) bool { return false }
