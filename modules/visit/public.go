package visit

import (
	"net/http"
	"slices"
	"strings"
)

// isPublic reports whether a request has no cookies by its nature, so that no pass can ever
// come with it: a CORS preflight, and files at addresses that are agreed on for machines.
func isPublic(r *http.Request) bool {
	if isPreflight(r) {
		return !isRewritten(r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	a, ok := addressOf(r)
	if !ok || a.depth == 0 || !a.pathDecides() {
		return false
	}
	name := a.path[a.depth-1]
	switch {
	case a.path[0] == ".well-known": // RFC 8615: only at the root
		return a.depth > 1
	case a.depth == 1 && (publicFiles[name] || isIcon(name) || isOwnerProof(name)):
		return true
	case a.isProductExport():
		return hasEnding(name, dataEndings...)
	case !a.isFolder(a.depth - 1):
		return false
	case feeds[name]:
		return true
	case strings.Contains(name, "sitemap") || a.hasFolder("sitemap", "sitemaps"):
		return hasEnding(name, ".xml", ".xml.gz", ".txt", ".txt.gz")
	case a.hasFolder("export", "exports", "feed", "feeds"):
		return hasEnding(name, dataEndings...)
	case hasEnding(name, ".webmanifest"):
		return true
	case name == "manifest.json":
		return r.Header.Get("Sec-Fetch-Dest") == "manifest" // credentials mode omit by default
	}
	return false
}

// isProductExport reports whether the address is that of Shopware's price lists, which has
// an access key in it.
func (a *address) isProductExport() bool {
	return a.depth == 4 && a.path[0] == "store-api" && a.path[1] == "product-export"
}

// hasFolder reports whether a file lies somewhere below one of these folders.
func (a *address) hasFolder(names ...string) bool {
	for _, segment := range a.path[:a.depth-1] {
		if slices.Contains(names, segment) {
			return true
		}
	}
	return false
}

// isIcon reports whether a file is an icon that systems fetch from the root.
func isIcon(name string) bool {
	return (strings.HasPrefix(name, "favicon") || strings.HasPrefix(name, "apple-touch-icon")) && hasEnding(name, ".ico", ".png", ".svg")
}

// isOwnerProof reports whether a file shows a search engine whose site it is:
// google0123456789abcdef.html.
func isOwnerProof(name string) bool {
	name, ok := strings.CutSuffix(name, ".html")
	for _, engine := range [...]string{"google", "yandex_", "pinterest-"} {
		if id, found := strings.CutPrefix(name, engine); ok && found && len(id) >= 5 && strings.Trim(id, "0123456789abcdef") == "" {
			return true
		}
	}
	return false
}

// isPreflight is the Fetch standard's CORS preflight: without credentials, always.
func isPreflight(r *http.Request) bool {
	return r.Header["Cookie"] == nil && r.Header["Authorization"] == nil && r.Method == http.MethodOptions && r.ContentLength == 0 && len(r.TransferEncoding) == 0 &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// publicFiles are those at the root.
var publicFiles = func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq("robots.txt ads.txt app-ads.txt sellers.json security.txt humans.txt llms.txt llms-full.txt " +
		"apple-app-site-association manifest.json opensearch.xml BingSiteAuth.xml") {
		m[name] = true
	}
	return m
}()

// feeds are those of any folder, such as a blog's.
var feeds = map[string]bool{"feed": true, "rss": true, "atom": true, "rss2": true, "feed.xml": true, "rss.xml": true, "atom.xml": true}

// dataEndings are those of price lists.
var dataEndings = []string{".csv", ".xml", ".txt", ".json", ".gz", ".zip"}

// isFolder reports whether the first n segments can be folders: of a page a file would be
// the argument.
func (a *address) isFolder(n int) bool {
	if n > 4 {
		return false
	}
	for _, segment := range a.path[:n] {
		if _, page := lookUp(segments, segment); page || strings.Contains(segment, ".") {
			return false
		}
	}
	return true
}

func hasEnding(name string, endings ...string) bool {
	for _, ending := range endings {
		if strings.HasSuffix(name, ending) && len(name) > len(ending) {
			return true
		}
	}
	return false
}
