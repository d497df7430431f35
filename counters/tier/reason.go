package tier

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// allow is what the ACL of each server must say of the user. In Redis 6.2 all of CLUSTER is
// @admin, so a part of it is allowed by name.
const allow = "allow the user `resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous +cluster|slots` in the ACL of each server"

// hints are parts of the replies by which a server refuses, and what the operator
// can do. No secret is in any of them.
var hints = []struct{ part, try string }{
	{"WRONGPASS", "check the user name and the password, at each server: ACL users are not replicated"},
	{"NOAUTH", "the store asks for a password; give it in the configuration"},
	{"the 'cluster", "allow the user `+cluster|slots` as well, in the ACL of each server"},
	{"NOPERM", allow},
	{"user executing the script", allow}, // NOPERM inside a script, Redis 7.0
	{"ACL failure in script", allow},     // the same, Redis 7.2
	{"unknown command", "a command is renamed, or the server is too old or a proxy: Redis 6.2 or Valkey, with EVAL and EVALSHA, is needed"},
	{"OOM", "the store is full: raise maxmemory, or set maxmemory-policy volatile-lru"},
	{"READONLY", "this server is a replica: give the address of the master, or use Sentinel"},
	{"MISCONF", "the store cannot save to its disk: free some space, or turn saving off"},
	{"LOADING", "the store is reading its data from disk; wait"},
	{"BUSY", "a script of another client blocks the store; end it with SCRIPT KILL"},
	{"CLUSTERDOWN", "the Cluster lacks a part of its slots; see CLUSTER INFO"},
	{"MOVED", "the server belongs to a Cluster: give all its addresses"},
	{"CROSSSLOT", "the server belongs to a Cluster: give all its addresses"},
	{"MASTERDOWN", "the replica has lost its master; see INFO replication"},
	{"NOREPLICAS", "the master misses replicas; see min-replicas-to-write"},
}

// reason explains why the store is lost and what to try. It names
// addresses, never users or passwords.
func (o Options) reason(err error, waited time.Duration) string {
	why, try := o.cause(err, waited)
	if dial, ok := errors.AsType[*net.OpError](err); ok && o.Cluster && dial.Addr != nil {
		why += " (" + dial.Addr.String() + ")"
	}
	return fmt.Sprintf("redis %s: %s; try: %s", strings.Join(o.Addresses, " "), why, try)
}

// cause says why a call failed for whose answer was waited so long, and what to try.
func (o Options) cause(err error, waited time.Duration) (why, try string) {
	why, try = "the store answers with an error: "+err.Error(), "see the store's own log"
	refusal, refused := errors.AsType[redis.Error](err)
	dns, unknown := errors.AsType[*net.DNSError](err)
	switch {
	case refused && o.Master != "" && strings.Contains(err.Error(), "all sentinels"):
		why, try = "the Sentinels refuse: "+refusal.Error(), "check sentinel_username and sentinel_password, and the user in the ACL of each Sentinel"
	case refused:
		why = "the store refuses: " + refusal.Error()
		for _, h := range hints {
			if strings.Contains(refusal.Error(), h.part) {
				try = h.try
				break
			}
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		why, try = "nothing listens there", "start the store, or correct its address"
	case unknown:
		why, try = "the host "+dns.Name+" is not known", "correct the address of the store"
	case strings.Contains(err.Error(), "tls: certificate required"):
		why, try = "TLS: the store wants a certificate of the edge", "give client_certificate, or have the store say tls-auth-clients no"
	case strings.Contains(err.Error(), "remote error: tls: "):
		why, try = "the store refuses the certificate of the edge: "+err.Error(), "give client_certificate one that is valid and of an authority in the store's tls-ca-cert-file"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		// A server that refuses a certificate may reset the connection before its alert is read.
		why, try = "the store ends the connection at once", "if it speaks TLS there, write rediss:// instead of redis://; otherwise see its log"
		if o.TLS != nil {
			try = "if the store wants a certificate of the edge, give client_certificate one that is valid and of an authority in its tls-ca-cert-file; otherwise see its log"
		}
	case isCertificate(err):
		why, try = "TLS: "+err.Error(), "give the authority that signed the store's certificate"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		why, try = fmt.Sprintf("no answer within %s", waited), "look whether the store is overloaded, frozen or far away"
		if o.TLS != nil {
			try += ", or does not speak TLS there: then write redis:// instead of rediss://"
		}
	}
	return why, try
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func isCertificate(err error) bool {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid)
}
