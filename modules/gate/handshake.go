package gate

import "encoding/binary"

// handshakeSniffer reads along what a client sends, to detect the end of its handshake:
// without TLS the end of the first request's header, with TLS the end of the first
// record of application data. In TLS 1.3 that record holds the client's Finished, in 1.2
// its first request; either proves that the client has done its part, which costs it a
// round trip and a key exchange. Nothing needs to be decrypted, and HTTP/1.1 and HTTP/2
// are alike. If a client sends such a record too early, TLS closes the connection.
type handshakeSniffer struct {
	kind   protocol
	header [recordHeader]byte // of the record
	have   int                // bytes of it
	rest   int                // bytes of the record still to come
	empty  bool               // the line is empty so far
}

type protocol uint8

const (
	unknown protocol = iota
	overTLS
	inClear
)

// RFC 8446, section 5.1.
const (
	recordHeader    = 5
	handshakeRecord = 22
	dataRecord      = 23
)

// finished reports whether the handshake ends within these bytes.
func (s *handshakeSniffer) finished(p []byte) bool {
	if s.kind == unknown && len(p) > 0 {
		s.kind = inClear
		if p[0] == handshakeRecord {
			s.kind = overTLS
		}
	}
	if s.kind == overTLS {
		return s.data(p)
	}
	return s.emptyLine(p)
}

// data looks for the end of a record of application data.
func (s *handshakeSniffer) data(p []byte) bool {
	for len(p) > 0 {
		if s.have < recordHeader {
			n := copy(s.header[s.have:], p)
			s.have += n
			p = p[n:]
			if s.have < recordHeader {
				return false
			}
			s.rest = int(binary.BigEndian.Uint16(s.header[3:]))
		}
		n := min(s.rest, len(p))
		s.rest -= n
		p = p[n:]
		if s.rest > 0 {
			return false
		}
		if s.header[0] == dataRecord {
			return true
		}
		s.have = 0
	}
	return false
}

// emptyLine looks for the line that ends a header. The preface of HTTP/2 has one as well.
func (s *handshakeSniffer) emptyLine(p []byte) bool {
	for _, b := range p {
		switch {
		case b == '\n' && s.empty:
			return true
		case b == '\n':
			s.empty = true
		case b != '\r':
			s.empty = false
		}
	}
	return false
}
