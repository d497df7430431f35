package alert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// Webhook is a receiver that is asked by HTTP POST. Redirects are not followed and no proxy is
// used; the certificate is verified.
type Webhook struct {
	// What metrics, logs and errors call the receiver: a-z, 0-9 and '-'. Default: the format.
	Name string `json:"name,omitempty"`

	// Where the receiver listens. Path and query are secrets: they appear in no log. It is
	// https, or http for format alertmanager and on loopback. For alertmanager it is where its
	// web interface is; "/api/v2/alerts" is added. Default for pagerduty:
	// https://events.pagerduty.com/v2/enqueue.
	URL string `json:"url,omitempty"`

	// What the receiver reads: theriac (default), alertmanager, slack (Mattermost and
	// Rocket.Chat too), teams or pagerduty.
	Format string `json:"format,omitempty"`

	// The keys that sign each request as Standard Webhooks says: 24 to 64 bytes in base64, with
	// whsec_ in front or without. All of them sign, so that a receiver can change from one to
	// the next. Default: no signature.
	Secrets []string `json:"secrets,omitempty"`

	// The integration key of PagerDuty's Events API v2: 32 letters and digits. Needed by
	// format pagerduty only.
	RoutingKey string `json:"routing_key,omitempty"`

	// The kinds of change that are sent: opened, escalated, effective, over, missed_target,
	// edge_strained, store_lost. Formats alertmanager and pagerduty need over. Default: all.
	On []Kind `json:"on,omitempty"`

	// How long one try may take. Default: 5s. At most 30s.
	Timeout Duration `json:"timeout,omitempty"`

	// A file with the certificates, in PEM, of the authorities that may have signed the
	// receiver's. Default: those that the system trusts.
	CAFile string `json:"ca_file,omitempty"`
}

const (
	pagerDutyURL     = "https://events.pagerduty.com/v2/enqueue"
	alertmanagerPath = "/api/v2/alerts"
	webhookTimeout   = 5 * time.Second
)

// Label is what metrics, logs and errors call the receiver.
func (w *Webhook) Label() string {
	if w.Name != "" {
		return w.Name
	}
	return w.format()
}

func (w *Webhook) format() string {
	if w.Format == "" {
		return "theriac"
	}
	return w.Format
}

func (w *Webhook) validate() error {
	if err := validateName(w.Label()); err != nil {
		return err
	}
	if _, ok := formats[w.format()]; !ok {
		return fmt.Errorf("unrecognized format %q: want %s", w.Format, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	if _, err := w.target(); err != nil {
		return err
	}
	if _, err := w.keys(); err != nil {
		return err
	}
	if err := w.validateRoutingKey(); err != nil {
		return err
	}
	ends := w.format() == "alertmanager" || w.format() == "pagerduty"
	if ends && !slices.Contains(kindsOf(w.On), Over) {
		return hint.Errorf("add over to the kinds, or leave them out", "format %s needs the kind over: nothing else ends its alerts", w.format())
	}
	if err := validateTimeout(w.Timeout); err != nil {
		return err
	}
	_, err := rootsOf(w.CAFile)
	return err
}

// validateRoutingKey does not name the key: it is a secret.
func (w *Webhook) validateRoutingKey() error {
	switch isKey := len(w.RoutingKey) == 32 && isAlphanumeric(w.RoutingKey); {
	case w.format() == "pagerduty" && !isKey:
		return hint.Errorf("copy the integration key of an integration of the kind Events API v2",
			"invalid routing key: want 32 letters and digits")
	case w.format() != "pagerduty" && w.RoutingKey != "":
		return hint.Errorf("use format pagerduty", "a routing key is for PagerDuty only")
	}
	return nil
}

func isAlphanumeric(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}

// target returns where to post. Its errors do not have the URL in them.
func (w *Webhook) target() (*url.URL, error) {
	text := w.URL
	if text == "" && w.format() == "pagerduty" {
		text = pagerDutyURL
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, hint.New(errors.New("invalid URL"), "use one such as https://hooks.example/alerts")
	}
	if u.Scheme == "http" && w.format() != "alertmanager" && !isLoopback(u.Hostname()) {
		return nil, hint.New(errors.New("URL is not https: its path and the alerts would be readable on the way"), "use https")
	}
	if w.format() == "alertmanager" && !strings.HasSuffix(u.Path, alertmanagerPath) {
		u = u.JoinPath(alertmanagerPath)
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// keys returns the keys that sign.
func (w *Webhook) keys() (keys [][]byte, err error) {
	for _, text := range w.Secrets {
		key, err := parseSecret(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// rootsOf reads a file of certificates; nil stands for those of the system.
func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, hint.New(fmt.Errorf("reading ca_file: %w", err), "check that the edge's user may read the file")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, hint.Errorf("use a file in PEM, with -----BEGIN CERTIFICATE-----", "ca_file %s has no certificate", file)
	}
	return pool, nil
}
