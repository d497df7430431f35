package parser

// readMultipart reads multipart/form-data (RFC 7578).
func (t *Table) readMultipart(_ []byte, _ string) *Error { return refuse(Framing) }
