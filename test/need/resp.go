package need

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// An errorReply is what the server said after a minus sign, code first.
type errorReply string

func (e errorReply) Error() string { return string(e) }

// ask sends one command over a connection of its own and returns the reply as
// text: numbers in digits, the elements of an array one a line.
func ask(addr string, trust *tls.Config, password string, args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if trust != nil {
		conn = tls.Client(conn, trust)
	}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	if password != "" {
		if _, err := call(conn, r, "AUTH", password); err != nil {
			return "", err
		}
	}
	return call(conn, r, args...)
}

// call writes one command and reads its reply.
func call(w io.Writer, r *bufio.Reader, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return "", err
	}
	return reply(r)
}

// reply reads one reply of the Redis protocol, version 2.
func reply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("the server sent an empty line")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errorReply(rest)
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n > 64<<20 {
		return "", fmt.Errorf("the server sent %q where a length belongs", line)
	}
	switch {
	case kind == '$' && n < 0, kind == '*' && n < 0:
		return "", nil
	case kind == '$':
		text := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(r, text); err != nil {
			return "", err
		}
		return string(text[:n]), nil
	case kind == '*':
		elements := make([]string, n)
		for i := range elements {
			if elements[i], err = reply(r); err != nil {
				return "", err
			}
		}
		return strings.Join(elements, "\n"), nil
	}
	return "", fmt.Errorf("the server sent %q, which is not a reply", line)
}
