package denylist

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/audit"
)

const (
	// MaxManualTTL is how long an operator can deny a prefix; for good there is
	// the policy file.
	MaxManualTTL = 30 * 24 * time.Hour

	// MaxWhy is how long a reason may be, in bytes.
	MaxWhy = 200
)

// An Annotation is what an operator said of a prefix that they denied or allowed.
type Annotation struct {
	Prefix netip.Prefix `json:"prefix"`
	By     string       `json:"by"`
	Why    string       `json:"why,omitempty"`
	Since  time.Time    `json:"since"`
	Until  time.Time    `json:"until,omitzero"` // zero: it does not end
}

// Check rejects what an operator cannot have said.
func (a Annotation) Check() error {
	switch {
	case !a.Prefix.IsValid() || a.Prefix != a.Prefix.Masked() || a.Prefix.Addr().Is4In6():
		return errors.New("prefix is missing or not valid")
	}
	return audit.CheckWhy(a.Why, MaxWhy)
}

// Refusal is why a request of an operator was not carried out.
type Refusal struct{ Err error }

func refuse(format string, args ...any) error { return Refusal{fmt.Errorf(format, args...)} }

// Error is the text of the reason.
func (r Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the reason.
func (r Refusal) Unwrap() error { return r.Err }

// ErrNotListed is why a prefix was not removed from a list.
var ErrNotListed = errors.New("it is not on the list")

// Deny denies a prefix for an operator. The notice, of this and the methods below,
// is what the operator should know besides; it may be empty.
func (l *List) Deny(a Annotation) (notice string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why := l.neverDeny.refuse(a.Prefix, l.allowed, widestByManual, false); why != "" {
		return "", refuse("denying %s: %s", a.Prefix, why)
	}
	e := l.entries[a.Prefix]
	if e == nil {
		e = new(entry)
	}
	before := e.manual
	e.manual = &a
	if err := l.syncKernel(a.Prefix, e); err != nil {
		e.manual = before
		return "", fmt.Errorf("denying %s: %w", a.Prefix, err)
	}
	l.entries[a.Prefix] = e
	return l.remember(), nil
}

// RemoveDenied removes a prefix from the deny list, whether an operator or an edge
// added it.
func (l *List) RemoveDenied(p netip.Prefix) (notice string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[p]
	switch {
	case e == nil:
		return "", refuse("removing %s from the deny list: %w; `scrubd deny list` shows it", p, ErrNotListed)
	case e.file:
		return "", refuse("removing %s from the deny list: it is in the policy file; remove it there and reload", p)
	case e.byEdges():
		notice = "an edge had banned it and will push the ban again while it lasts; `theriac shield unban` ends it. "
		l.pushed--
		for _, h := range e.edges {
			delete(l.edges[h.edge].holds, p)
		}
	}
	*e = entry{due: e.due}
	if err := l.syncKernel(p, e); err != nil {
		return "", fmt.Errorf("removing %s from the deny list: %w", p, err)
	}
	return strings.TrimSpace(notice + l.remember()), nil
}

// Allow passes everything from a prefix, whatever else applies to it.
func (l *List) Allow(a Annotation) (notice string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if least := widestByManual.of(a.Prefix); a.Prefix.Bits() < least {
		return "", refuse("allowing %s: wider than /%d", a.Prefix, least)
	}
	if err := l.allow(a); err != nil {
		return "", fmt.Errorf("allowing %s: %w", a.Prefix, err)
	}
	return l.remember(), nil
}

// RemoveAllowed removes a prefix from the allow list.
func (l *List) RemoveAllowed(p netip.Prefix) (notice string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.allowed, p)
	if i < 0 {
		return "", refuse("removing %s from the allow list: %w; `scrubd allow list` shows it", p, ErrNotListed)
	}
	if l.inFile[p] {
		return "", refuse("removing %s from the allow list: it is in the policy file; remove it there and reload", p)
	}
	if err := l.kernel.Disallow(p); err != nil {
		return "", fmt.Errorf("removing %s from the allow list: %w", p, err)
	}
	l.allowed = slices.Delete(l.allowed, i, i+1)
	delete(l.allowedBy, p)
	return l.remember(), nil
}
