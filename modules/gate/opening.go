package gate

import "encoding/binary"

// opening reads along what a client sends, to know when its handshake is over:
// without TLS at the end of the first request's header, with TLS at the end of
// the first record of application data. In TLS 1.3 that holds the client's
// Finished, in 1.2 its first request; either shows that the client has done its
// part, which costs it a round trip and a key exchange. Nothing needs to be
// decrypted, and it is the same for HTTP/1.1 and HTTP/2. Whoever sends such a
// record too early is hung up on by TLS.
type opening struct {
	kind   kind
	header [recordHeader]byte // of the record
	have   int                // bytes of it
	rest   int                // bytes of the record still to come
	empty  bool               // nothing stands in the line so far
}

type kind uint8

const (
	unknown kind = iota
	overTLS
	inClear
)

// RFC 8446, section 5.1.
const (
	recordHeader    = 5
	handshakeRecord = 22
	dataRecord      = 23
)

// ends reports whether the handshake is over with these bytes.
func (o *opening) ends(p []byte) bool {
	if o.kind == unknown && len(p) > 0 {
		o.kind = inClear
		if p[0] == handshakeRecord {
			o.kind = overTLS
		}
	}
	if o.kind == overTLS {
		return o.data(p)
	}
	return o.emptyLine(p)
}

// data looks for the end of a record of application data.
func (o *opening) data(p []byte) bool {
	for len(p) > 0 {
		if o.have < recordHeader {
			n := copy(o.header[o.have:], p)
			o.have += n
			p = p[n:]
			if o.have < recordHeader {
				return false
			}
			o.rest = int(binary.BigEndian.Uint16(o.header[3:]))
		}
		n := min(o.rest, len(p))
		o.rest -= n
		p = p[n:]
		if o.rest > 0 {
			return false
		}
		if o.header[0] == dataRecord {
			return true
		}
		o.have = 0
	}
	return false
}

// emptyLine looks for the line that ends a header. The preface of HTTP/2 has
// one, too.
func (o *opening) emptyLine(p []byte) bool {
	for _, b := range p {
		switch {
		case b == '\n' && o.empty:
			return true
		case b == '\n':
			o.empty = true
		case b != '\r':
			o.empty = false
		}
	}
	return false
}
