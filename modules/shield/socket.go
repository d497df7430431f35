package shield

import "net/http"

// IsExtendedConnect reports whether a request opens a WebSocket over HTTP/2 (RFC 8441) or
// HTTP/3 (RFC 9220). It has no body: what its body would be flows until the WebSocket ends,
// so no stage may read it.
func IsExtendedConnect(r *http.Request) bool {
	if r.Method != http.MethodConnect {
		return false
	}
	switch r.ProtoMajor {
	case 2:
		return r.Header.Get(":protocol") == "websocket" // no other client can send this name
	case 3:
		return r.Proto == "websocket"
	}
	return false
}
