package shieldctl

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield"
)

// conclude records an act that app has carried out, and answers its request. act.Who
// is what operatorOf returned before.
func conclude(w http.ResponseWriter, r *http.Request, app *shield.App, act audit.Act, answer any) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return concludeRaw(w, r, app, act, append(raw, '\n'))
}

// concludeRaw is conclude with an answer that is JSON already, or empty.
func concludeRaw(w http.ResponseWriter, r *http.Request, app *shield.App, act audit.Act, answer []byte) error {
	if act.Who == "" {
		if conn := takeOver(w, r); conn != nil {
			defer conn.Close()
			act.Who = processAt(conn)
			app.Record(act)
			writeTo(conn, http.StatusOK, answer)
			return nil
		}
		act.Who = audit.Unknown
	}
	app.Record(act)
	if len(answer) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	_, err := w.Write(answer)
	return err
}

// concludeAs has an act carried out in the name of its operator, records it, and answers its
// request. act.Who is not read. An error of carryOut is the operator's.
func concludeAs(w http.ResponseWriter, r *http.Request, app *shield.App, act audit.Act, carryOut func(operator string) (answer any, err error)) error {
	var conn net.Conn
	if act.Who = operatorOf(r); act.Who == "" {
		if conn = takeOver(w, r); conn != nil {
			defer conn.Close()
			act.Who = processAt(conn)
		} else {
			act.Who = audit.Unknown
		}
	}
	answer, err := carryOut(act.Who)
	if err == nil {
		app.Record(act)
	}
	status := http.StatusOK
	switch {
	case conn == nil && err == nil:
		return reply(w, answer)
	case conn == nil:
		return badRequest(err)
	case err != nil: // as Caddy would answer
		status, answer = http.StatusBadRequest, caddy.APIError{Message: err.Error()}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	writeTo(conn, status, append(raw, '\n'))
	return nil
}

// operatorOf names the sender of a request to the admin address: over TLS the holder of
// a certificate, over TCP the user whose socket it is. It returns nothing for a unix
// socket: Caddy keeps the connection to itself, see takeOver.
func operatorOf(r *http.Request) string {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return holderOf(r.TLS)
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	server, ok := local.(*net.TCPAddr)
	if !ok {
		return ""
	}
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return audit.Unknown
	}
	uid, err := audit.TCPPeer(plain(client), plain(server.AddrPort()))
	switch {
	case err == nil:
		return audit.Operator(uid, 0)
	case client.Addr().IsLoopback():
		return audit.Unknown
	}
	return audit.Unknown + " at " + client.Addr().String()
}

func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// longestName bounds what a certificate says of its holder.
const longestName = 64

// holderOf names a certificate: what it says, which its issuer vouches for, and its
// fingerprint, which tells it from all others.
func holderOf(state *tls.ConnectionState) string {
	cert := state.PeerCertificates[0]
	sum := sha256.Sum256(cert.Raw)
	return fmt.Sprintf("certificate %.*s sha256:%s", longestName+2, strconv.QuoteToASCII(cert.Subject.CommonName), hex.EncodeToString(sum[:8]))
}

// takeOver takes the connection of a request to a unix socket out of Caddy's hands:
// the kernel names the process at its other end to its holder alone. It returns
// nil for other connections.
func takeOver(w http.ResponseWriter, r *http.Request) net.Conn {
	if local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr); local == nil || local.Network() != "unix" {
		return nil
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxBody) // what is left unread would be a reset to the client
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	return conn
}

// processAt names the user of the process at the other end.
func processAt(conn net.Conn) string {
	if unix, ok := conn.(*net.UnixConn); ok {
		if peer, err := audit.UnixPeer(unix); err == nil {
			return audit.Operator(peer.UID, peer.PID)
		}
	}
	return audit.Unknown
}

// answerTimeout bounds how long a client takes for an answer of some hundred bytes.
const answerTimeout = 5 * time.Second

// writeTo answers on a connection that was taken over.
func writeTo(conn net.Conn, status int, answer []byte) {
	if conn.SetDeadline(time.Now().Add(answerTimeout)) == nil {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			status, http.StatusText(status), len(answer), answer)
	}
}
