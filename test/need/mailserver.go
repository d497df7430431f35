package need

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/exim.conf
var eximConf string

// A MailServer is a real SMTP server, Exim, on loopback. It takes mail for anyone but nobody@ from
// its one user, after STARTTLS or on a port where TLS begins with the connection.
type MailServer struct {
	Host         string // as its certificate has it
	Port         int    // STARTTLS
	ImplicitPort int    // TLS from the start
	RootCA       string // the file of the certificate's authority

	User, Password string

	t     testing.TB
	inbox string
}

// Mail starts a MailServer, which ends with the test.
func Mail(t testing.TB) *MailServer {
	t.Helper()
	path := program(t, "mail", "exim4-daemon-light", "exim4", "/usr/sbin/exim4")
	Root(t) // Exim's own user is the only other one that may start it
	exim, err := user.Lookup("Debian-exim")
	if err != nil {
		missing(t, "mail", "no user of Debian's Exim: apt-get install exim4-daemon-light")
	}
	dir := OpenDir(t)
	s := &MailServer{
		Host: "127.0.0.1", Port: portOf(Addr(t)), ImplicitPort: portOf(Addr(t)), RootCA: filepath.Join(dir, "cert.pem"),
		User: "alice", Password: "correct-horse", t: t, inbox: filepath.Join(dir, "inbox"),
	}
	certificate(t, s.RootCA, filepath.Join(dir, "key.pem"))
	conf := strings.NewReplacer("@DIR@", dir, "@PORT@", strconv.Itoa(s.Port), "@IMPLICIT@", strconv.Itoa(s.ImplicitPort)).Replace(eximConf)
	write(t, filepath.Join(dir, "exim.conf"), []byte(conf))
	uid, _ := strconv.Atoi(exim.Uid)
	gid, _ := strconv.Atoi(exim.Gid)
	if err := os.Chmod(filepath.Join(dir, "exim.conf"), 0o644); err != nil { // Exim's user reads it again for each mail
		t.Fatal(err)
	}
	for _, name := range []string{"cert.pem", "key.pem", "."} {
		if err := os.Chown(filepath.Join(dir, name), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	proc, err := start(path, "-C", filepath.Join(dir, "exim.conf"), "-bdf")
	if err != nil {
		t.Fatal(err)
	}
	proc.serve(t, "exim", func() error {
		if proc.ended() {
			return nil
		}
		return errors.Join(greets(s.Port), listens(s.ImplicitPort))
	})
	return s
}

// Mails waits until that many mails have arrived and returns them in the order of their dates.
func (s *MailServer) Mails(n int) []*mail.Message {
	s.t.Helper()
	var texts []string
	err := eventually(patience, func() error {
		files, _ := filepath.Glob(filepath.Join(s.inbox, "new", "*"))
		if len(files) < n {
			return fmt.Errorf("%d of %d mails have arrived", len(files), n)
		}
		texts = texts[:0]
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			texts = append(texts, string(text))
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("waiting for mail: %v", err)
	}
	var mails []*mail.Message
	for _, text := range texts {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			s.t.Fatalf("reading a mail that arrived: %v\n%s", err, text)
		}
		mails = append(mails, m)
	}
	slices.SortStableFunc(mails, func(a, b *mail.Message) int {
		at, _ := a.Header.Date()
		bt, _ := b.Header.Date()
		return at.Compare(bt)
	})
	return mails
}

func portOf(addr string) int {
	_, text, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(text)
	return port
}

// greets reports whether an SMTP server says that it is there.
func greets(port int) error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(greeting, "220 ") {
		err = fmt.Errorf("it says %q", greeting)
	}
	return err
}

func listens(port int) error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
