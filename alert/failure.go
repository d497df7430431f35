package alert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A failure is why a receiver did not take a message. Its text has the receiver's name and host
// and words of this package: errors of others quote URLs and addresses.
type failure struct {
	receiver, host string
	why            string

	final bool          // trying again cannot help
	after time.Duration // not sooner than that, if above 0
}

func (f failure) Error() string {
	return "alert receiver " + f.receiver + " (" + f.host + "): " + f.why
}

// Unwrap tells backoff.Retry when to try again, if at all.
func (f failure) Unwrap() error {
	switch {
	case f.final:
		return &backoff.PermanentError{Err: errors.New(f.why)}
	case f.after > 0:
		return &backoff.RetryAfterError{Duration: f.after}
	}
	return nil
}

// reasons are what errors of connections are called. The first that fits is taken.
var reasons = []struct {
	is   func(error) bool
	what string
}{
	{isA[*net.DNSError], "host not found"},
	{isA[x509.UnknownAuthorityError], "certificate signed by an unknown authority"},
	{isA[x509.HostnameError], "certificate is for another host"},
	{isA[x509.CertificateInvalidError], "certificate is not valid"},
	{isA[*tls.CertificateVerificationError], "certificate is not valid"},
	{isA[tls.RecordHeaderError], "does not speak TLS"},
	{isA[tls.AlertError], "TLS handshake refused"},
	{isTimeout, "no answer in time"},
	{is(context.Canceled), "cancelled"},
	{is(syscall.ECONNREFUSED), "connection refused"},
	{is(syscall.ECONNRESET), "connection reset"},
	{is(syscall.EPIPE), "connection reset"},
	{is(syscall.EHOSTUNREACH), "host unreachable"},
	{is(syscall.ENETUNREACH), "network unreachable"},
	{is(io.EOF), "connection closed without an answer"},
	{is(io.ErrUnexpectedEOF), "connection closed without an answer"},
	{isA[textproto.ProtocolError], "not the protocol that was expected"},
}

// reason says in our words why there was no answer.
func reason(err error) string {
	for _, r := range reasons {
		if r.is(err) {
			return r.what
		}
	}
	// Errors of net/http that have no type, and no text of the other side's either.
	for _, known := range []string{"server gave HTTP response to HTTPS client", "malformed HTTP", "server response headers exceeded"} {
		if strings.Contains(err.Error(), known) {
			return "not the protocol that was expected"
		}
	}
	return "connection failed"
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// retryAfter reads the header Retry-After of RFC 9110: seconds, or a date. What it cannot read
// is 0.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := time.Parse(time.RFC1123, text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
