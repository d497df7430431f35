package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// A mailer sends the mails of one receiver.
type mailer struct {
	Mail
	node    string
	domain  string // of the sender
	tls     *tls.Config
	timeout time.Duration
}

// newMailer returns the receiver behind settings that are valid.
func newMailer(m Mail, node string) (receiver, error) {
	roots, err := rootsOf(m.CAFile)
	if err != nil {
		return receiver{}, err
	}
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return receiver{}, errors.New("invalid sender")
	}
	if m.Port == 0 {
		m.Port = 587
		if m.TLS == "implicit" {
			m.Port = 465
		}
	}
	x := &mailer{
		Mail: m, node: node, domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:],
		tls:     &tls.Config{ServerName: m.Host, RootCAs: roots, MinVersion: tls.VersionTLS12},
		timeout: m.Timeout.or(mailTimeout),
	}
	return receiver{name: m.Label(), format: "mail", host: m.Host, on: kindsOf(m.On), takes: merged, try: x.try}, nil
}

// try sends the message once. If the server refuses some of the recipients, the others get it.
func (x *mailer) try(ctx context.Context, m message) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	err = x.send(ctx, m, x.To)
	refused := 0
	if sendErr, ok := errors.AsType[*mail.SendError](err); ok && sendErr.Reason == mail.ErrSMTPRcptTo && !sendErr.IsTemp() && len(x.To) > 1 {
		first := err
		err = nil
		for _, to := range x.To {
			if each := x.send(ctx, m, []string{to}); each != nil {
				refused++
			}
		}
		if refused == len(x.To) {
			err = first
		}
	}
	switch {
	case err != nil:
		return "", x.failure(err)
	case refused > 0:
		return fmt.Sprintf("accepted, but not for %d of %d recipients", refused, len(x.To)), nil
	}
	return "accepted", nil
}

// send brings one mail to these recipients.
func (x *mailer) send(ctx context.Context, m message, to []string) error {
	msg, err := x.compose(m, to)
	if err != nil {
		return err
	}
	auth := mail.SMTPAuthAutoDiscover
	switch {
	case x.Username == "":
		auth = mail.SMTPAuthNoAuth
	case x.TLS == "implicit": // the library does not see that our connection has TLS, and would discover too little
		auth = mail.SMTPAuthPlain
	}
	err = x.sendBy(ctx, auth, msg)
	if errors.Is(err, mail.ErrPlainAuthNotSupported) {
		err = x.sendBy(ctx, mail.SMTPAuthLogin, msg)
	}
	switch {
	case msg.IsDelivered():
		return nil // what went wrong came after it
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// sendBy logs in by that mechanism.
func (x *mailer) sendBy(ctx context.Context, auth mail.SMTPAuthType, msg *mail.Msg) error {
	client, err := mail.NewClient(
		x.Host, mail.WithPort(x.Port), mail.WithTimeout(x.timeout),
		mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTLSConfig(x.tls),
		mail.WithSMTPAuth(auth), mail.WithUsername(x.Username), mail.WithPassword(x.Password),
		mail.WithDialContextFunc(func(_ context.Context, network, addr string) (net.Conn, error) { return x.dial(ctx, network, addr) }),
	)
	if err != nil {
		return err
	}
	if x.TLS == "implicit" {
		client.SetSSL(true)
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// dial connects, and has the connection closed when ctx ends: the library waits for a greeting
// forever.
func (x *mailer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	if x.TLS != "implicit" {
		return conn, nil
	}
	secure := tls.Client(conn, x.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// compose writes the mail.
func (x *mailer) compose(m message, to []string) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(x.From); err != nil {
		return nil, errors.New("invalid sender")
	}
	if err := msg.To(to...); err != nil {
		return nil, errors.New("invalid recipient")
	}
	msg.Subject(x.subject(m))
	msg.SetDate()
	msg.SetMessageIDWithValue(m.id + "@" + x.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation responder answers
	if m.severity() >= Error && !m.isOver() {
		msg.SetImportance(mail.ImportanceHigh)
	}
	if !m.isMerged() {
		// All refer to a mail that need not exist: so none has to be the first (RFC 5322, 3.6.4).
		thread := "<" + messageID("thread", m.events[0].Incident) + "@" + x.domain + ">"
		msg.SetGenHeader(mail.HeaderInReplyTo, thread)
		msg.SetGenHeader(mail.HeaderReferences, thread)
	}
	msg.SetBodyString(mail.TypeTextPlain, x.body(m))
	room := MaxReport
	for _, e := range m.events {
		if e.Report == nil || len(e.Report.Body) > room {
			continue
		}
		room -= len(e.Report.Body)
		name := path.Base("/" + cut(line(e.Report.Name), maxName))
		if err := msg.AttachReader(name, bytes.NewReader(e.Report.Body)); err != nil {
			return nil, errors.New("attaching the report")
		}
	}
	return msg, nil
}

// subject is the same for all mails of an incident: some programs make threads by subject.
func (x *mailer) subject(m message) string {
	if m.isMerged() {
		return cut("Theriac: "+m.title(), 200)
	}
	e := m.events[0]
	return cut("Theriac: "+e.subject()+", "+e.Incident, 200)
}

// body is the mail's text: what has happened, then the figures.
func (x *mailer) body(m message) string {
	var b strings.Builder
	b.WriteString(m.title() + "\n")
	if text := m.text(); text != "" {
		b.WriteString("\n" + text + "\n")
	}
	rows := m.rows()
	if len(rows) > 0 {
		b.WriteString("\n")
	}
	for _, d := range rows {
		b.WriteString(d.Label + ": " + d.Value + "\n")
	}
	if link := m.link(); link != "" {
		b.WriteString("\n" + link + "\n")
	}
	b.WriteString("\n-- \nTheriac")
	if x.node != "" {
		b.WriteString(" on " + x.node)
	}
	b.WriteString(", " + m.severity().String() + ", " + clock(m.events[len(m.events)-1].At) + "\n")
	return b.String()
}

// failure says in our words why a mail was not taken: servers quote addresses.
func (x *mailer) failure(err error) error {
	f := failure{receiver: x.Label(), host: x.Host}
	code := 0
	if sendErr, ok := errors.AsType[*mail.SendError](err); ok {
		code = sendErr.ErrorCode()
	} else if answer, ok := errors.AsType[*textproto.Error](err); ok {
		code = answer.Code
	}
	switch {
	case code == 535 || code == 534 || code == 530:
		f.why, f.final = "refused user and password ("+strconv.Itoa(code)+")", true
	case code > 0:
		f.why, f.final = "refused the mail ("+strconv.Itoa(code)+")", code >= 500
	case errors.Is(err, mail.ErrNoSupportedAuthDiscovered), strings.Contains(err.Error(), "does not support SMTP AUTH"):
		f.why, f.final = "offers no log-in that we know", true
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		f.why = "offers no STARTTLS"
	default:
		f.why = reason(err)
	}
	return f
}
