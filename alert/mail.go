package alert

import (
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// Mail is a receiver of mail, by SMTP with TLS. All mails of an incident are one thread.
type Mail struct {
	// What metrics, logs and errors call the receiver: a-z, 0-9 and '-'. Default: mail.
	Name string `json:"name,omitempty"`

	// The server that takes mail from its users, such as mail.example.
	Host string `json:"host,omitempty"`

	// Its port. Default: 587, or 465 with tls implicit.
	Port int `json:"port,omitempty"`

	// How TLS begins: starttls (default) after the server's greeting, or implicit with the
	// connection. Without TLS nothing is sent.
	TLS string `json:"tls,omitempty"`

	// The user that logs in, and the password. Default: no log-in.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`

	// The sender, such as "Theriac <theriac@host.example>".
	From string `json:"from,omitempty"`

	// The recipients. One that the server refuses does not keep the mail from the others.
	To []string `json:"to,omitempty"`

	// The kinds of change that are sent, as for a webhook. Default: all.
	On []Kind `json:"on,omitempty"`

	// How long one try may take. Default: 20s. At most 30s.
	Timeout Duration `json:"timeout,omitempty"`

	// A file with the certificates, in PEM, of the authorities that may have signed the
	// server's. Default: those that the system trusts.
	CAFile string `json:"ca_file,omitempty"`
}

const (
	mailTimeout   = 20 * time.Second
	maxRecipients = 20
)

// Label is what metrics, logs and errors call the receiver.
func (m *Mail) Label() string {
	if m.Name != "" {
		return m.Name
	}
	return "mail"
}

func (m *Mail) validate() error {
	if err := validateName(m.Label()); err != nil {
		return err
	}
	if m.Host == "" || m.Host != line(m.Host) || strings.ContainsAny(m.Host, " /@{}") {
		return hint.Errorf("use the name of a mail server, such as mail.example", "invalid host")
	}
	if m.Port < 0 || m.Port > 65535 {
		return fmt.Errorf("invalid port %d", m.Port)
	}
	if m.TLS != "" && m.TLS != "starttls" && m.TLS != "implicit" {
		return fmt.Errorf("unrecognized tls %q: want starttls or implicit", m.TLS)
	}
	if (m.Username == "") != (m.Password == "") {
		return hint.Errorf("set both, or neither", "user without password, or password without user")
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		return hint.Errorf("use one such as theriac@mail.example", "invalid sender")
	}
	if len(m.To) == 0 || len(m.To) > maxRecipients {
		return hint.Errorf("name one, or the address of a list", "%d recipients: want 1 to %d", len(m.To), maxRecipients)
	}
	for i, to := range m.To {
		if _, err := mail.ParseAddress(to); err != nil {
			return hint.Errorf("use one such as on-call@mail.example", "invalid recipient %d", i+1)
		}
	}
	if err := validateTimeout(m.Timeout); err != nil {
		return err
	}
	_, err := rootsOf(m.CAFile)
	return err
}
