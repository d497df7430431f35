package alert

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// opened and over are two changes of one incident.
func opened() Event {
	begin := time.Date(2026, 11, 29, 10, 42, 0, 0, time.UTC)
	return Event{
		ID: "20261129-1042-loewen/opened", Incident: "20261129-1042-loewen", Kind: Opened, Severity: Critical,
		Shop: "loewen", ShopName: "Löwen Apotheke", Level: 2,
		Words: "Many strangers that behave unlike browsers: 2,140/s, usual 0.4.",
		At:    begin.Add(3 * time.Second), Starts: begin, Link: "https://status.example/loewen",
		Details: []Detail{{Label: "Peak", Value: "2,140/s"}, {Label: "Sources", Value: "1,130"}},
	}
}

func over() Event {
	e := opened()
	e.ID, e.Kind, e.Severity, e.Level = "20261129-1042-loewen/over", Over, Info, 0
	e.Words = "61,000 requests were stopped. 12 customers were asked, and all came back."
	e.At, e.Ends = e.Starts.Add(20*time.Minute), e.Starts.Add(15*time.Minute)
	return e
}

// open runs alerts until the test ends.
func open(t testing.TB, c Config, hooks Hooks) *Alerts {
	t.Helper()
	alerts, err := New(c, "fra-1", hooks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		alerts.Close(ctx)
	})
	return alerts
}

// listen has a server of its own on loopback until the test ends.
func listen(t testing.TB, serve func(net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			go serve(conn)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// silentPort takes connections and says nothing.
func silentPort(t testing.TB) int { return listen(t, func(net.Conn) {}) }

// closedPort is one where nothing listens.
func closedPort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// plainSMTP is a server that would take mail and passwords without TLS.
func plainSMTP(t testing.TB) int {
	return listen(t, func(conn net.Conn) {
		say := func(text string) { _, _ = conn.Write([]byte(text + "\r\n")) }
		say("220 mail.test ESMTP")
		for in := bufio.NewScanner(conn); in.Scan(); {
			switch command, _, _ := strings.Cut(in.Text(), " "); command {
			case "EHLO":
				say("250-mail.test")
				say("250 AUTH PLAIN LOGIN")
			case "QUIT":
				say("221 bye")
				_ = conn.Close()
			default:
				t.Errorf("a client without TLS went on with %q", command)
				say("250 ok")
			}
		}
	})
}
