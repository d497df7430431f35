package alert

import (
	"bufio"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/shop"
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

// TestBounded: what an event may not have is cut, replaced or left out.
func TestBounded(t *testing.T) {
	now := opened().At
	long := strings.Repeat("ä", 2000)
	e := Event{
		Incident: "a\x00b\nc" + long, Kind: 200, Severity: 200, Level: 200, Shop: "x\u202ey", ShopName: long, Words: "one\r\ntwo \x1b[31m" + long,
		Starts: now.Add(time.Hour), Ends: now, Link: "ftp://host.example/", Report: &Report{},
		Details: slices.Repeat([]Detail{{"label\t" + long, "value" + long}}, 30),
	}.bounded(now)
	for what, ok := range map[string]bool{
		"incident is a short key":           strings.HasPrefix(e.Incident, "ab c") && len(e.Incident) <= maxKey && utf8.ValidString(e.Incident),
		"id is made of the incident":        strings.HasSuffix(e.ID, "/test") && len(e.ID) <= maxKey,
		"unknown kinds are tests":           e.Kind == Test && e.Severity == Critical && e.Level == shop.Siege,
		"direction marks go":                e.Shop == "xy",
		"a name is short":                   utf8.RuneCountInString(e.ShopName) <= maxName && strings.HasSuffix(e.ShopName, "…"),
		"words are one line":                strings.HasPrefix(e.Words, "one two [31mä") && utf8.RuneCountInString(e.Words) <= maxWords,
		"it starts no later than it is":     e.At.Equal(now) && e.Starts.Equal(now),
		"what goes on has no end":           e.Ends.IsZero() && e.Report == nil,
		"a link is of the web":              e.Link == "",
		"there are no more rows than fit":   len(e.Details) == maxDetails && strings.HasPrefix(e.Details[0].Label, "label ä"),
		"rows are short":                    utf8.RuneCountInString(e.Details[0].Label) <= maxLabel && utf8.RuneCountInString(e.Details[0].Value) <= maxValue,
		"it ends no sooner than it starts":  Event{Kind: Over, Starts: now.Add(-time.Hour), Ends: now.Add(-2 * time.Hour)}.bounded(now).Ends.Equal(now),
		"without an incident it is its own": Event{ID: "x"}.bounded(now).Incident == "x",
		"a report has a bound":              Event{Kind: Over, Report: &Report{Body: make([]byte, MaxReport+1)}}.bounded(now).Report == nil,
		"and is there otherwise":            Event{Kind: Over, Report: &Report{Body: make([]byte, MaxReport)}}.bounded(now).Report != nil,
	} {
		if !ok {
			t.Errorf("%s: not so in %+v", what, e)
		}
	}
	for link, ok := range map[string]bool{
		"https://host.example/a?b#c": true, "http://192.0.2.1:80": true, "javascript:alert(1)": false, "ftp://host.example": false,
		"https://u:p@host.example": false, "https://host.example/<a>": false, "https://host.example/a|b": false, "https://": false, "": false,
		"https://host.example/" + strings.Repeat("x", maxLink): false, "https://host.example/\u202e": false,
	} {
		if isWebLink(link) != ok {
			t.Errorf("%.60q is a link: %v, want %v", link, !ok, ok)
		}
	}
}

// TestReportsThatWait: only the first few in a queue are kept, since they are large.
func TestReportsThatWait(t *testing.T) {
	w := &worker{queue: make(chan Event, queueSize)}
	for range queueSize {
		w.enqueue(Event{Report: &Report{}})
	}
	kept := 0
	for range queueSize {
		if e := <-w.queue; e.Report != nil {
			kept++
		}
	}
	if kept != maxReports {
		t.Errorf("%d reports are kept, want %d", kept, maxReports)
	}
}
