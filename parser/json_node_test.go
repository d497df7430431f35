package parser

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// nodeLeaves prints, for each document of an array, its leaves as JSON.parse has them, or
// null if it refuses the document.
const nodeLeaves = `
const leaves = (value, path) => value === null ? [path + '='] :
  typeof value !== 'object' ? [path + '=' + value] :
  Object.keys(value).length === 0 ? [path + '='] :
  Object.entries(value).flatMap(([name, inner]) => leaves(inner, path + '.' + name));
const read = text => { try { return leaves(JSON.parse(text), 'json'); } catch { return null; } };
const documents = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(documents.map(read)));`

// TestJSONAsNode: what Node reads stands in the table, and it reads nothing that is refused.
// Of a name that comes twice, Node has the last value only.
func TestJSONAsNode(t *testing.T) {
	documents := []string{
		`{"a":{"b":1},"a":{"c":2}}`, `[[[]],{}]`, `{"1":"x","01":"y","__proto__":{"x":1}}`, `{"\u0000a":"\u0000"}`, `{"":{"":""}}`,
		`"\ud83d\udc8a\n\/\u0027"`, " true ", "null", "42", "[1,2.5,-3]", `{"a.b":1,"a":{"b":2}}`, "\"\u2028\x7f\u0085\"",
		"[1,]", "{'a':1}", "// x\n{}", "NaN", "01", "\"\n\"", "\u00a0{}", "{}\x1e", "{}{}", "\x0b1", `"\x41"`, "{\"a\"\x00:1}", ".5", "+1", "[,1]", "",
	}
	sent, err := json.Marshal(documents)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command(need.Node(t), "-e", nodeLeaves)
	node.Stdin = strings.NewReader(string(sent))
	out, err := node.Output()
	if err != nil {
		t.Fatalf("asking Node: %v", err)
	}
	var answers [][]string
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatalf("reading the answer of Node: %v", err)
	}
	for i, document := range documents {
		table := Table{limits: roomy}
		err := table.readJSON([]byte(document))
		lines := table.lines(nil)
		if isRefused := answers[i] == nil; isRefused != (err != nil || document == "") {
			t.Errorf("%q: refused by Node: %v; by us: %v", document, isRefused, err)
		}
		for _, leaf := range answers[i] {
			if !slices.Contains(lines, leaf) {
				t.Errorf("%q: Node has %q, we %q", document, leaf, lines)
			}
		}
	}
}
