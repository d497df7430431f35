package alert

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/theriac-edge/theriac/test/need"
)

func mailTo(s *need.MailServer, to ...string) Mail {
	return Mail{
		Host: s.Host, Port: s.Port, Username: s.User, Password: s.Password, CAFile: s.RootCA,
		From: "Theriac <theriac@edge.example>", To: to,
	}
}

// TestMail: two mails of an incident reach a real server by STARTTLS and a log-in, as one
// thread, the report with the second.
func TestMail(t *testing.T) {
	server := need.Mail(t)
	alerts := open(t, Config{Mails: []Mail{mailTo(server, "on-call@host.example", "noc@host.example")}}, Hooks{})
	alerts.Send(opened())
	first := server.Mails(1)[0]
	time.Sleep(1100 * time.Millisecond) // Date has seconds
	end := over()
	end.Report = &Report{Name: "../20261129-1042-loewen.html", Body: bytes.Repeat([]byte("<p>Löwen</p>\n"), 5000)}
	alerts.Send(end)
	mails := server.Mails(2)
	last := mails[1]

	for _, m := range mails {
		if got := m.Header.Get("References"); got == "" || got != first.Header.Get("References") || got != m.Header.Get("In-Reply-To") {
			t.Errorf("References %q, In-Reply-To %q, want both as in the first mail: %q", got, m.Header.Get("In-Reply-To"), first.Header.Get("References"))
		}
		if got, want := decoded(t, m, "Subject"), "Theriac: Löwen Apotheke, 20261129-1042-loewen"; got != want {
			t.Errorf("subject %q, want %q", got, want)
		}
		if got := m.Header.Get("To"); !strings.Contains(got, "on-call@host.example") || !strings.Contains(got, "noc@host.example") {
			t.Errorf("To is %q", got)
		}
		if m.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Error("a vacation program would answer: Auto-Submitted is missing")
		}
	}
	if first.Header.Get("Message-Id") == last.Header.Get("Message-Id") {
		t.Error("two mails have the same Message-ID")
	}
	const want = "Löwen Apotheke: attacked, level 2 attack\n\n" +
		"Many strangers that behave unlike browsers: 2,140/s, usual 0.4.\n\n" +
		"Incident: 20261129-1042-loewen\nBegan: 2026-11-29 10:42:00 UTC\nPeak: 2,140/s\nSources: 1,130\n\n" +
		"https://status.example/loewen\n\n" +
		"-- \nTheriac on fra-1, critical, 2026-11-29 10:42:03 UTC\n"
	if text, attached := parts(t, first); text != want || attached != nil {
		t.Errorf("the first mail says\n%q, want\n%q; %d attachments, want none", text, want, len(attached))
	}
	text, attached := parts(t, last)
	if !strings.HasPrefix(text, "Löwen Apotheke: over\n") {
		t.Errorf("the last mail says %q", text)
	}
	if got := attached["20261129-1042-loewen.html"]; !bytes.Equal(got, end.Report.Body) {
		t.Errorf("the report has %d bytes of %d; attached: %d files", len(got), len(end.Report.Body), len(attached))
	}
}

// TestMailWays: TLS from the start works as well; a wrong password, a certificate of another
// authority and a server without TLS do not, and none of them learns a mail.
func TestMailWays(t *testing.T) {
	server := need.Mail(t)
	plain := plainSMTP(t)
	for name, step := range map[string]struct {
		change func(*Mail)
		want   string
	}{
		"TLS from the start":          {func(m *Mail) { m.TLS, m.Port = "implicit", server.ImplicitPort }, ""},
		"STARTTLS":                    {func(m *Mail) {}, ""},
		"one recipient is refused":    {func(m *Mail) { m.To = append(m.To, "unknown@host.example") }, ""},
		"a wrong password":            {func(m *Mail) { m.Password = "wrong-horse" }, "alert receiver mail (127.0.0.1): refused user and password (535)"},
		"no log-in":                   {func(m *Mail) { m.Username, m.Password = "", "" }, "alert receiver mail (127.0.0.1): refused the mail (550)"},
		"all recipients refused":      {func(m *Mail) { m.To = []string{"unknown@host.example"} }, "alert receiver mail (127.0.0.1): refused the mail (550)"},
		"an unknown authority":        {func(m *Mail) { m.CAFile = "" }, "alert receiver mail (127.0.0.1): certificate signed by an unknown authority"},
		"no STARTTLS":                 {func(m *Mail) { m.Port = plain }, "alert receiver mail (127.0.0.1): offers no STARTTLS"},
		"TLS where STARTTLS is meant": {func(m *Mail) { m.TLS = "implicit" }, "alert receiver mail (127.0.0.1): does not speak TLS"},
		"nothing listens":             {func(m *Mail) { m.Port = closedPort(t) }, "alert receiver mail (127.0.0.1): connection refused"},
		"a server that says nothing":  {func(m *Mail) { m.Port, m.Timeout = silentPort(t), Duration(300*time.Millisecond) }, "alert receiver mail (127.0.0.1): no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mailTo(server, "on-call@host.example")
			step.change(&m)
			alerts := open(t, Config{Mails: []Mail{m}}, Hooks{})
			said, err := alerts.Test(context.Background(), "mail")
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != step.want {
				t.Errorf("said %q, error %q, want %q", said, got, step.want)
			}
		})
	}
	if got := len(server.Mails(3)); got != 3 {
		t.Errorf("%d mails arrived, want the three that were accepted", got)
	}
}

// TestMailFailures: what a mail server may answer, and whether it may change its mind.
func TestMailFailures(t *testing.T) {
	for name, step := range map[string]struct {
		err   error
		why   string
		final bool
	}{
		"busy":          {fmt.Errorf("dial failed: %w", &textproto.Error{Code: 421, Msg: "SECRET"}), "refused the mail (421)", false},
		"greylisted":    {&textproto.Error{Code: 450, Msg: "a@host.example: try later"}, "refused the mail (450)", false},
		"too large":     {&textproto.Error{Code: 552, Msg: "SECRET"}, "refused the mail (552)", true},
		"log-in":        {fmt.Errorf("SMTP AUTH failed: %w", &textproto.Error{Code: 535, Msg: "alice@host.example"}), "refused user and password (535)", true},
		"other log-ins": {mail.ErrNoSupportedAuthDiscovered, "offers no log-in that we know", true},
		"no log-ins":    {errors.New("server does not support SMTP AUTH"), "offers no log-in that we know", true},
		"anything else": {errors.New("SECRET a@host.example"), "connection failed", false},
	} {
		got := (&mailer{Mail: Mail{Host: "mail.example"}}).failure(step.err)
		if want := (failure{receiver: "mail", host: "mail.example", why: step.why, final: step.final}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestMergedMail: a mail of several incidents is in no thread, and holds reports up to the bound.
func TestMergedMail(t *testing.T) {
	var events []Event
	for i := range 5 {
		e := change(i, Over)
		e.Report = &Report{Name: fmt.Sprintf("%d.html", i), Body: make([]byte, MaxReport/3)}
		events = append(events, e.bounded(e.At))
	}
	x := &mailer{Mail: Mail{From: "t@host.example"}, domain: "host.example"}
	msg, err := x.compose(newMessage(events...), []string{"a@host.example"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(msg.GetAttachments()); n != 3 {
		t.Errorf("%d reports are attached, want the 3 that have room", n)
	}
	if got := msg.GetGenHeader(mail.HeaderReferences); len(got) > 0 {
		t.Errorf("References: %v", got)
	}
	if got := msg.GetGenHeader(mail.HeaderSubject); len(got) != 1 || !strings.HasPrefix(got[0], "Theriac: 5 incidents are over: Shop 0, ") {
		t.Errorf("Subject: %v", got)
	}
}

// decoded is a header as people read it.
func decoded(t *testing.T, m *netmail.Message, header string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(header))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// parts returns the text of a mail, and its attachments by name.
func parts(t *testing.T, m *netmail.Message) (text string, attached map[string][]byte) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "text/plain" {
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		return string(body), nil
	}
	attached = map[string][]byte{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextPart() // decodes quoted-printable
		if err == io.EOF {
			return text, attached
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if part.FileName() == "" {
			text = string(body)
			continue
		}
		file, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		attached[part.FileName()] = file
	}
}
