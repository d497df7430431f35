package shield

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

// Redis is the store that all edges of a tier share. Redis 6.2 or later and
// Valkey work.
type Redis struct {
	// Its address: `redis://host:6379`, or `rediss://` for TLS, with a user and
	// password if needed. One URL is a single server; several are nodes
	// of a Cluster; with `master` they are Sentinels. Placeholders are
	// replaced.
	URLs []string `json:"urls"`

	// The name of the master that the Sentinels watch.
	Master string `json:"master,omitempty"`

	// The ACL user and its password, unless the URL has them. Placeholders
	// are replaced, so that no secret has to be in a Caddyfile.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`

	// The ACL user and the password of the Sentinels, if they ask for one.
	// Placeholders are replaced.
	SentinelUsername string `json:"sentinel_username,omitempty"`
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// A PEM file with the authorities that may sign the server's certificate.
	// Default: those of the system.
	CAFile string `json:"ca_file,omitempty"`

	// PEM files with the certificate by which the edge proves itself, and its key.
	// Needed if the server asks for one, as Redis does by default (tls-auth-clients).
	ClientCertificate string `json:"client_certificate,omitempty"`
	ClientKey         string `json:"client_key,omitempty"`

	// How many edges share the store. An edge that starts while the store is
	// unreachable enforces 1/edges of every limit. Default: 1.
	Edges int `json:"edges,omitempty"`

	// How long a request of an exact zone may wait for the store. Default: 20ms.
	Deadline caddy.Duration `json:"deadline,omitempty"`
}

// options returns the settings of the store. It reads the password and the CA file, but opens
// no connection.
func (r *Redis) options() (opts counters.RedisOptions, err error) {
	opts.Master = r.Master
	opts.Deadline, opts.Edges = time.Duration(r.Deadline), r.Edges
	if opts.SentinelUsername, err = filled("sentinel_username", r.SentinelUsername); err != nil {
		return opts, err
	}
	if opts.SentinelPassword, err = filled("sentinel_password", r.SentinelPassword); err != nil {
		return opts, err
	}
	var urls []redisURL
	for _, raw := range r.URLs {
		at, err := parseRedisURL(caddy.NewReplacer().ReplaceAll(raw, ""))
		if err != nil {
			return opts, err
		}
		if len(urls) > 0 && at.tls != urls[0].tls {
			return opts, fmt.Errorf("redis: %s: cannot mix redis:// and rediss://", at.address)
		}
		urls, opts.Addresses, opts.DB = append(urls, at), append(opts.Addresses, at.address), at.db
	}
	if len(urls) > 0 && urls[0].tls {
		if _, err = r.tls(); err != nil {
			return opts, err
		}
		opts.TLS = r.tls
	}
	opts.Credentials = func() (string, string, error) { return r.credentials(urls) }
	_, _, err = opts.Credentials()
	return opts, err
}

// credentials returns how to log in. Files are read anew each time, so that a password can
// change while the edge runs.
func (r *Redis) credentials(urls []redisURL) (username, password string, err error) {
	if username, err = filled("username", r.Username); err != nil {
		return "", "", err
	}
	if password, err = filled("password", r.Password); err != nil {
		return "", "", err
	}
	for _, at := range urls {
		username, password = cmp.Or(at.username, username), cmp.Or(at.password, password)
	}
	return username, password, nil
}

// filled replaces the placeholders of an option. One that is empty, or a file that cannot be
// read, is an error.
func filled(option, text string) (string, error) {
	value, err := syntax.Replace(text)
	if err != nil {
		return "", fmt.Errorf("redis: reading the %s: %w", option, err)
	}
	return value, nil
}

// tls reads the certificates, which may have changed.
func (r *Redis) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CAFile != "" {
		pem, err := os.ReadFile(r.CAFile)
		if err != nil {
			return nil, fmt.Errorf("redis: reading ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redis: no PEM certificate in %s", r.CAFile)
		}
	}
	if r.ClientCertificate != "" {
		pair, err := tls.LoadX509KeyPair(r.ClientCertificate, r.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("redis: reading client_certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// credentialsChanged tells operators, once, that the store would refuse a new connection, or
// that it accepts what has changed.
func (a *App) credentialsChanged(refused string) {
	if refused == "" {
		a.log.Info("the shared store accepts the password and the certificates as they are now: new connections use them")
		return
	}
	a.log.Error("the shared store would refuse a new connection; those that exist go on", zap.String("reason", refused))
}

type redisURL struct {
	address, username, password string
	db                          int
	tls                         bool
}

// parseRedisURL reads a URL. Its errors do not contain passwords.
func parseRedisURL(raw string) (at redisURL, err error) {
	const form = "write it as redis://host:6379, or rediss:// for TLS"
	u, err := url.Parse(raw)
	if err != nil {
		return at, fmt.Errorf("redis: invalid URL; %s", form)
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return at, fmt.Errorf("redis: invalid URL %q; %s", u.Redacted(), form)
	}
	if u.Hostname() == "" {
		return at, fmt.Errorf("redis: missing host in %q; %s", u.Redacted(), form)
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	at.address, at.tls = net.JoinHostPort(u.Hostname(), port), u.Scheme == "rediss"
	at.username = u.User.Username()
	at.password, _ = u.User.Password()
	if db := strings.Trim(u.Path, "/"); db != "" {
		if at.db, err = strconv.Atoi(db); err != nil || at.db < 0 {
			return at, fmt.Errorf("redis: invalid path in %q: want the number of a database, such as /0", u.Redacted())
		}
	}
	return at, nil
}
