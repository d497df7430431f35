package browser

import (
	"crypto/sha256"
	"encoding/base64"
)

// Script and style are the same for everybody, so the policy names them by
// hash: it allows exactly those two, and needs nothing random per answer, as a
// nonce would.
var (
	policy = "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) +
		"; worker-src blob:; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors "
	notePolicy = "default-src 'none'; style-src " + hash(style) +
		"; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

	pagePolicy     = policy + "'none'"
	embeddedPolicy = policy + "'self'"
)

// Policy is the Content-Security-Policy of the page.
func (p *Page) Policy() string { return pagePolicy }

// EmbeddedPolicy is the same for a page that a frame of the shop's own page
// solves.
func (p *Page) EmbeddedPolicy() string { return embeddedPolicy }

// NotePolicy is the Content-Security-Policy of Blocked and Sent.
func NotePolicy() string { return notePolicy }

// hash names an inline script or style in a policy.
func hash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
