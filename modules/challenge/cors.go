package challenge

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/challenge/browser"
)

// maxOrigin is longer than any origin: a scheme, a name of 253 bytes and a port.
const maxOrigin = 300

// allowReading lets a script of another origin read that it was challenged: the status and
// the header that says so. Without that its fetch fails like a lost connection. The answer
// holds nothing of the shop and nothing of the visitor.
func allowReading(header http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "cors" || !isForeign(r, origin) {
		return
	}
	header["Access-Control-Allow-Origin"] = []string{origin}
	header["Access-Control-Allow-Credentials"] = allowed
	header["Access-Control-Expose-Headers"] = exposed
	header.Add("Vary", "Origin")
}

var (
	allowed = []string{"true"}
	exposed = []string{browser.ChallengeHeader}
)

// isForeign reports whether this is an origin, and another one than the shop's.
func isForeign(r *http.Request, origin string) bool {
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || host == "" || len(origin) > maxOrigin || strings.ContainsAny(host, "/ ,\"<>\\") {
		return false // such as null
	}
	own := "http"
	if secure(r) {
		own = "https"
	}
	return scheme != own || !strings.EqualFold(host, r.Host)
}
