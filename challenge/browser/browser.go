// Package browser is what a visitor's browser gets of the challenge: a page
// that does the work in workers and goes on by itself, in seven languages, the
// snippet with which a shop's own scripts do the same, and two pages for
// browsers that cannot. It stands behind modules/challenge, knows neither
// requests nor keys, and renders each page once, so that a flood of challenges
// costs copies only. It fails towards the visitor: where workers are forbidden
// the page computes by itself, where its token is too old it asks for another,
// where cookies are forbidden it says so, and it never reloads in a loop.
package browser

// What the page and the snippet talk to. All of it is on the shop's own host.
const (
	ChallengePath = "/.theriac/challenge" // GET: a fresh token; POST: answers
	PassPath      = "/.theriac/pass"      // GET: 204 if the pass arrived, 403 if not
	SnippetPath   = "/.theriac/solve.js"

	// ChallengeHeader carries, in an answer to a script, the address of the
	// page that solves in a frame.
	ChallengeHeader = "X-Theriac-Challenge"
)

// Shop is what the pages say about the shop.
type Shop struct {
	Name    string
	Phone   string // optional
	Imprint string // the address of the imprint; optional
}

// Values are what differs by visitor. Each is escaped, and cut after maxValue
// bytes.
type Values struct {
	// The challenge: 59 characters of base64url.
	Token string

	// By which an operator finds the visitor, such as efr3-yz60.
	Reference string

	// Where a visitor without JavaScript goes after the delay: a path of this
	// host. If it is empty, or anything else, there is no such way, and the
	// page tells those visitors so.
	Wait string

	// The seconds of that delay.
	Delay int
}

// maxValue bounds a value: escaped, it still fits into one stored block.
const maxValue = 8 << 10

// goes reports whether wait is a path of this host, to the reading of browsers:
// they drop control characters from an address and take \ for /.
func goes(wait string) bool {
	if wait == "" || wait[0] != '/' || len(wait) > maxValue {
		return false
	}
	if len(wait) > 1 && wait[1] == '/' {
		return false
	}
	for i := range len(wait) {
		if wait[i] < ' ' || wait[i] == 0x7f || wait[i] == '\\' {
			return false
		}
	}
	return true
}
