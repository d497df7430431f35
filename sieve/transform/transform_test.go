package transform_test

import (
	"fmt"
	"testing"

	"github.com/theriac-edge/theriac/sieve/transform"
)

func Example() {
	decode, ok := transform.Of("urldecodeuni")
	if !ok {
		fmt.Println("unknown")
		return
	}
	fmt.Println(decode("%3Cscript%u003e+"))
	fmt.Println(decode("plain"))
	// Output:
	// <script>  true
	// plain false
}

// TestTransformations are cases that show what each does; test/sieve compares many more with Coraza.
func TestTransformations(t *testing.T) {
	for name, cases := range map[string]map[string]string{
		"base64decode":       {"QUJD": "ABC", "QU\nI=x": "AB", "Q": "", "QQ ==": "A"},
		"cmdline":            {`C^at  "/etc";(x,y)`: "cat/etc(x y)"},
		"compresswhitespace": {"a \t\u00a0b\xa0c": "a b c"},
		"cssdecode":          {`ja\76 a\ff1c\0x\`: "java<\ufffdx"},
		"escapeseqdecode":    {`\x41\101\n\q\`: "AA\nq\\"},
		"hexencode":          {"AB": "4142"},
		"htmlentitydecode":   {"&lt;&#x41;&amp": "<A&"},
		"jsdecode":           {`\x41\u{ff1c}\uff1c\1013\400\q`: "A<<A3 0q"},
		"length":             {"ä": "2"},
		"lowercase":          {"ÄK\u212a": "äkk"},
		"normalizepath":      {"/a/./b/../c/": "/a/c/", "a/..": "", "//": "//"},
		"normalizepathwin":   {`C:\a\b. .\c::$DATA`: "C:/a/b/c"},
		"removecommentschar": {"a/*b*/c<!--d-->e--f#g": "abcdefg"},
		"removenulls":        {"a\x00b": "ab"},
		"removewhitespace":   {"a \u2028b\xff": "ab\ufffd"},
		"replacecomments":    {"a/*b*/c/*d": "a c "},
		"sha1":               {"": "\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09"},
		"urldecodeuni":       {"%41%u00e4%uff1c%zz%u1+": "Aa<%zz%u1 "},
		"utf8tounicode":      {"ä😀\xff": "%u00e4%u1f600%ufffd"},
	} {
		apply, ok := transform.Of(name)
		if !ok {
			t.Errorf("%s is unknown", name)
			continue
		}
		for value, want := range cases {
			if got, changed := apply(value); got != want || changed != (got != value) && name != "removewhitespace" {
				t.Errorf("%s of %q: got %q %v, want %q", name, value, got, changed, want)
			}
		}
	}
	if _, ok := transform.Of("md5"); ok {
		t.Error("a transformation is known that nobody has compared")
	}
}
