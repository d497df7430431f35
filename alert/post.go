package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What an answer may have: nothing in it is needed but its status.
const (
	maxAnswer       = 4 << 10
	maxAnswerHeader = 16 << 10
	maxSaid         = 300 // characters that Test shows of it
)

// newPoster returns the receiver behind a webhook that is valid.
func newPoster(w Webhook, node string) (receiver, error) {
	target, err := w.target()
	if err != nil {
		return receiver{}, err
	}
	keys, err := w.keys()
	if err != nil {
		return receiver{}, err
	}
	roots, err := rootsOf(w.CAFile)
	if err != nil {
		return receiver{}, err
	}
	f := formats[w.format()]
	p := &poster{
		name: w.Label(), target: target, keys: keys, format: f, encode: f.new(&w, node),
		client: newClient(w.Timeout.or(webhookTimeout), roots), secrets: secretsOf(&w, target),
	}
	return receiver{name: p.name, format: w.format(), host: target.Hostname(), on: kindsOf(w.On), takes: f.takes, repeats: w.format() == "alertmanager", try: p.try}, nil
}

// A poster asks one webhook.
type poster struct {
	name    string
	target  *url.URL
	keys    [][]byte
	format  format
	encode  encoder
	client  *http.Client
	secrets []string
}

// newClient returns a client that talks to the receiver alone: no redirect, no proxy, no
// connection kept, bounded in time and size.
func newClient(timeout time.Duration, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxAnswerHeader,
		},
	}
}

// try posts the message once. It returns what the receiver said, without our secrets.
func (p *poster) try(ctx context.Context, m message) (said string, err error) {
	now := time.Now()
	body, taken, err := p.format.encode(p.encode, m, now)
	if err != nil {
		return "", p.failure("an alert that JSON cannot hold", true, 0)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.target.String(), bytes.NewReader(body))
	if err != nil {
		return "", p.failure("invalid URL", true, 0)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Theriac")
	sign(request.Header, p.keys, m.id, now, body)
	answer, err := p.client.Do(request)
	if err != nil {
		return "", p.failure(reason(err), false, 0)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // the status counts, whatever becomes of the rest
	said = p.said(answer.StatusCode, text)
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		if taken != nil {
			taken()
		}
		return said, nil
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return said, p.failure("answered "+status(answer.StatusCode)+", which is not followed", true, 0)
	}
	return said, p.failure("answered "+status(answer.StatusCode), !isTemporary(answer.StatusCode), retryAfter(answer.Header.Get("Retry-After"), now))
}

// isTemporary reports whether the same request may be taken later.
func isTemporary(code int) bool {
	return code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests
}

// status is a status code in words: never those of the other side.
func status(code int) string {
	return strings.TrimSpace(http.StatusText(code) + " (" + strconv.Itoa(code) + ")")
}

func (p *poster) failure(why string, final bool, after time.Duration) error {
	return failure{receiver: p.name, host: p.target.Hostname(), why: why, final: final, after: after}
}

// said is the answer for the operator that tests the receiver. A receiver may quote the request.
func (p *poster) said(code int, text []byte) string {
	said := string(text)
	for _, secret := range p.secrets {
		said = strings.ReplaceAll(said, secret, "…")
	}
	said = cut(line(said), maxSaid)
	if said == "" {
		return status(code)
	}
	return status(code) + ": " + said
}

// secretsOf lists what an answer must not be shown with, the longest first.
func secretsOf(w *Webhook, target *url.URL) (secrets []string) {
	add := func(texts ...string) {
		for _, text := range texts {
			if len(text) >= 4 && !slices.Contains(secrets, text) {
				secrets = append(secrets, text)
			}
		}
	}
	add(w.URL, target.String(), target.RequestURI(), target.Path, target.RawQuery, w.RoutingKey)
	add(strings.Split(target.EscapedPath(), "/")...)
	add(strings.Split(target.Path, "/")...)
	for key, values := range target.Query() {
		add(key)
		add(values...)
	}
	if target.User != nil {
		password, _ := target.User.Password()
		add(target.User.Username(), password)
	}
	for _, secret := range w.Secrets {
		add(secret, strings.TrimPrefix(secret, "whsec_"))
	}
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return secrets
}
