package parser

// readMultipart reads multipart/form-data (RFC 7578).
func (t *Table) readMultipart(_ []byte, _ string) *Error { return refuse(Framing) }

// readRelated reads multipart/related.
func (t *Table) readRelated(_ []byte, _ string) *Error { return refuse(Framing) }

func boundaryOf(_ string) (string, *Error) { return "", refuse(Boundary) }
