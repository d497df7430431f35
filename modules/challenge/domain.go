package challenge

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Prefixes of the cookies' names. With __Host- neither other sites nor subdomains can set
// them; with __Secure- subdomains can. Browsers accept both over TLS only.
const (
	hostPrefix   = "__Host-"
	domainPrefix = "__Secure-"
)

func (h *Handler) cookiePrefix(r *http.Request) string {
	switch {
	case !secure(r):
		return ""
	case h.domainOf(r) != "":
		return domainPrefix
	}
	return hostPrefix
}

// domainOf returns the domain whose hosts share the cookies, or "" if this host keeps its
// own: browsers refuse a cookie for a domain that the host is not in.
func (h *Handler) domainOf(r *http.Request) string {
	if len(h.CookieDomains) == 0 {
		return ""
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(host, ".")
	for _, domain := range h.CookieDomains {
		if isWithin(host, domain) {
			return domain
		}
	}
	return ""
}

// isWithin reports whether host is the domain or below it.
func isWithin(host, domain string) bool {
	at := len(host) - len(domain)
	return at >= 0 && strings.EqualFold(host[at:], domain) && (at == 0 || host[at-1] == '.')
}

// checkCookieDomain refuses what no browser accepts as a cookie's domain, and what would
// share the cookie with other people's sites.
func checkCookieDomain(domain string) error {
	if domain == "" || strings.Trim(domain, ".") != domain || strings.ContainsAny(domain, ":/*@ {}") || strings.ToLower(domain) != domain {
		return fmt.Errorf("invalid cookie_domain %q: want the name of a domain in lower case, such as example.org", domain)
	}
	if _, err := netip.ParseAddr(domain); err == nil {
		return fmt.Errorf("invalid cookie_domain %q: an address has no subdomains", domain)
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return fmt.Errorf("invalid cookie_domain %q: it is a public suffix, below which others have their sites", domain)
	}
	return nil
}

// checkCookieDomains refuses a list with a mistake.
func checkCookieDomains(domains []string) error {
	for i, domain := range domains {
		if err := checkCookieDomain(domain); err != nil {
			return err
		}
		if slices.Contains(domains[:i], domain) {
			return fmt.Errorf("duplicate cookie_domain %q", domain)
		}
	}
	return nil
}
