package waf

// crsException is what the edge does with a test that is written for another
// server.
type crsException struct {
	status int
	fires  int  // (optional) a rule that fires
	quiet  int  // (optional) a rule that does not
	lost   bool // net/http refuses the request before any rule sees it, and otherwise than the test asks for
	why    string
}

func (x crsException) output() (want crsOutput) {
	want.Status = x.status
	if x.fires != 0 {
		want.Log.Expect = []int{x.fires}
	}
	if x.quiet != 0 {
		want.Log.NoExpect = []int{x.quiet}
	}
	return want
}

// crsExceptions are all tests that do not pass as they are written: to the
// letter of what happens instead.
var crsExceptions = map[string]crsException{
	// Lost. Nothing gets through: net/http refuses.
	"920280-3": {status: 505, lost: true, why: "HTTP/0.9 is not a version that net/http speaks; Apache says 400 to it"},
	"920430-3": {status: 505, lost: true, why: "HTTP/0.9 is not a version that net/http speaks; Apache says 400 to it"},
	"920430-5": {status: 400, lost: true, why: "a request line without a version: the test wants no answer to it, and net/http has one"},
	"920430-9": {status: 505, lost: true, why: "HTTP/0.8 is not a version that net/http speaks; Apache says 400 to it"},

	// Refused earlier than by a rule.
	"920430-8": {status: 505, quiet: 920430, why: "HTTP/4.0 is not a version that net/http speaks; the test wants the rule to say so"},
	"920450-7": {status: 200, quiet: 920450, why: "our own bounds refuse bodies that are compressed, and no rule runs; the test wants one to say so"},

	// Refused earlier, by the parser: in shadow mode, which the suite runs in, rules see only
	// what it has read. test/replay and the tests of parser show that it refuses.
	"920121-3": {status: 200, quiet: 920121, why: "an escaped quote in the name of a file"},

	// Seen by the rule, where the test wants Apache's 400 instead of it.
	"920100-5": {status: 501, fires: 920100, why: "Apache refuses CONNECT to a host without a port with 400; the edge refuses all that ask for a tunnel"},
	"920270-4": {status: 200, fires: 920270, why: "Apache refuses %00 in Host"},
	"920274-1": {status: 200, fires: 920274, why: "Apache refuses %1F in Host"},
	"920610-2": {status: 200, fires: 920610, why: "Apache refuses a fragment in a target"},
	"920620-1": {status: 200, fires: 920620, why: "Apache makes one header field of two Content-Types, on which the rule is silent; we show it both"},

	// Different, and right.
	"920390-1": {status: 200, quiet: 920390, why: "64,000 times the letter a are a file in base64, and no text"},
	"920540-5": {status: 200, fires: 920540, why: "without a body there is no JSON, and the rule is about the query"},
	"920100-4": {status: 501, quiet: 920100, why: "CONNECT asks a proxy for a tunnel, and the edge is none"},
	"920100-8": {status: 200, quiet: 920100, why: "a colon in a path is legal (RFC 3986); Apache refuses it"},
	"920290-4": {status: 200, fires: 920280, why: "net/http does not tell an empty Host from none; the rule for none fires"},
	"922120-1": {status: 200, quiet: 922120, why: "8bit changes nothing of a part; the parser of requests refuses base64 and quoted-printable"},
}
