package waf

import (
	"fmt"
	"strings"
)

// adviceOnBounds says for each bound which option raises it.
var adviceOnBounds = map[string]string{
	"arguments": "more fields than the shop accepts: raise `arguments`",
	"body":      "the body is larger than the shop accepts: raise `body`",
	"cookies":   "more cookies than the shop accepts: raise `cookies`",
	"depth":     "a document is nested deeper than the shop accepts: raise `depth`",
	"encoded":   "rules cannot read a compressed body: the client must send it without Content-Encoding",
	"parts":     "more parts than the shop accepts: raise `parts`",
	"text":      "more text than the shop accepts: raise `text`",
}

// adviceOnRules says what fits where an exclusion would switch the rule off for everybody.
var adviceOnRules = map[int]string{
	911100: "the shop does not accept the method: add it to `methods`",
	920420: "the shop does not accept the content type: add it to `types`",
	920380: adviceOnBounds["arguments"],
}

// single are variables without fields, of which an exclusion takes away no other.
const single = " REQUEST_URI REQUEST_URI_RAW REQUEST_FILENAME REQUEST_BASENAME REQUEST_LINE QUERY_STRING REQUEST_BODY REQUEST_BODY_LENGTH REQUEST_PROTOCOL "

// adviceOn returns the line of the Caddyfile that lets a request pass, or says why there is none.
func adviceOn(rule int, target string) string {
	variable, key, _ := strings.Cut(target, ":")
	switch {
	case adviceOnRules[rule] != "":
		return adviceOnRules[rule]
	case key == "" && !strings.Contains(single, " "+variable+" "):
		return fmt.Sprintf("matched in %s, in what may be no name and is not shown; if staff sends it, name the path in `staff`", variable)
	}
	return fmt.Sprintf("exclude %d %s", rule, target)
}
