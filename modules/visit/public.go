package visit

import (
	"net/http"
	"strings"
)

// isPublic reports whether a request has no cookies by its nature, so that no pass can ever
// come with it: a CORS preflight, and files at addresses that are agreed on for machines.
func isPublic(r *http.Request) bool {
	if isPreflight(r) {
		_, ok := addressOf(r)
		return ok
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	a, ok := addressOf(r)
	if !ok || a.depth == 0 || !a.pathDecides() {
		return false
	}
	first, name := a.path[0], a.path[a.depth-1]
	switch {
	case first == ".well-known": // RFC 8615: only at the root
		return a.depth > 1
	case a.depth == 1 && publicFiles[name]:
		return true
	case !a.isFolder(a.depth - 1):
		return false
	case strings.Contains(name, "sitemap") || a.depth > 1 && (first == "sitemap" || first == "sitemaps"):
		return hasEnding(name, ".xml", ".xml.gz", ".txt", ".txt.gz")
	case a.depth > 1 && (first == "export" || first == "feed" || first == "feeds"):
		return hasEnding(name, ".csv", ".xml", ".txt", ".json", ".gz", ".zip")
	case name == "manifest.json" || hasEnding(name, ".webmanifest"):
		return r.Header.Get("Sec-Fetch-Dest") == "manifest" // credentials mode omit by default
	}
	return false
}

// isPreflight is the Fetch standard's CORS preflight: without credentials, always.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.ContentLength == 0 && len(r.TransferEncoding) == 0 &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// publicFiles are those at the root.
var publicFiles = func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq("robots.txt favicon.ico ads.txt app-ads.txt security.txt humans.txt llms.txt " +
		"apple-app-site-association sitemap.xml sitemap_index.xml manifest.json manifest.webmanifest site.webmanifest browserconfig.xml " +
		"feed rss atom feed.xml rss.xml atom.xml") {
		m[name] = true
	}
	return m
}()

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
