package need

import (
	_ "embed"
	"fmt"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

//go:embed testdata/exim.conf
var eximConf string

// A MailServer is a real SMTP server, Exim, on loopback. It takes mail for anyone but unknown@ from
// its one user, after STARTTLS and AUTH PLAIN, or after AUTH LOGIN on a port where TLS begins with
// the connection.
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
		Host: "127.0.0.1", RootCA: filepath.Join(dir, "cert.pem"),
		User: "alice", Password: "correct-horse", t: t, inbox: filepath.Join(dir, "inbox"),
	}
	certificate(t, s.RootCA, filepath.Join(dir, "key.pem"))
	conf := filepath.Join(dir, "exim.conf")
	s.Port = s.listen(path, "-C", conf, "-bs", "-odi")
	s.ImplicitPort = s.listen(path, "-C", conf, "-bs", "-odi", "-tls-on-connect")
	write(t, conf, []byte(strings.NewReplacer("@DIR@", dir, "@IMPLICIT@", strconv.Itoa(s.ImplicitPort)).Replace(eximConf)))
	if err := os.Chmod(conf, 0o644); err != nil { // Exim's user reads it again for each mail
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(exim.Uid)
	gid, _ := strconv.Atoi(exim.Gid)
	for _, name := range []string{"cert.pem", "key.pem", "."} {
		if err := os.Chown(filepath.Join(dir, name), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
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

// listen starts Exim for each connection, as inetd would, and returns the port. So none is left
// when the test ends in a panic: Exim changes its user, and a process that does so no longer dies
// with its parent.
func (s *MailServer) listen(path string, args ...string) (port int) {
	s.t.Helper()
	l, err := net.Listen("tcp", Addr(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	var running sync.WaitGroup
	s.t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serveConn(conn, path, args...) })
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

// serveConn has a program talk to a client until one of them ends it.
func serveConn(conn net.Conn, path string, args ...string) {
	file, err := conn.(*net.TCPConn).File()
	_ = conn.Close()
	if err != nil {
		return
	}
	defer file.Close()
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout = file, file
	_ = cmd.Run() // a client that goes away is an error to Exim; with -odi it ends after delivery
}
