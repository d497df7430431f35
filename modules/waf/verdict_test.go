package waf

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
)

var verdicts = flag.Int("verdicts", 10, "how often TestOneVerdict has each request inspected")

// repeatedAttacks are texts of which Coraza by itself misses one now and then, if it is the last of
// 60 values with one name among 60 others.
var repeatedAttacks = []string{"<script>alert(1)</script>", "http://169.254.169.254/", "$where", `<img src=x onerror=alert(1)>`, "1' union select 1"}

// TestOneVerdict: the same rules fire on the same values of a request each time, at the
// highest paranoia level. `go test -run OneVerdict -verdicts 1000` is the long run.
func TestOneVerdict(t *testing.T) {
	t.Parallel()
	b, _ := strictBench(t)
	suite := wholeSuite(t)
	names := slices.Sorted(maps.Keys(suite))
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
	all := make(map[string]*sample)
	for _, name := range names[:200] {
		all[name] = suite[name]
	}
	for i, attack := range repeatedAttacks {
		for name, text := range map[string]string{
			"form":   "form: " + sixty("a#=1&", "q=x&") + "q=" + url.QueryEscape(attack),
			"cookie": "cookie: " + sixty("a#=1; ", "q=x; ") + "q=" + url.QueryEscape(attack),
			"JSON":   "json: {" + sixty(`"a#":1,`, `"q":"x",`) + `"q":` + strconv.Quote(attack) + "}",
			"array":  "json: {" + sixty(`"a#":1,`, "") + `"q":[` + sixty("", `"x",`) + strconv.Quote(attack) + "]}",
		} {
			all[fmt.Sprintf("%s %d", name, i)] = shot(t, text)
		}
	}
	for where, r := range repeated {
		asked := asked(http.MethodPost, cmp.Or(r.target, "/"), strings.Split(r.header, "\n")...)
		all[where] = &sample{Request: asked, body: []byte(strings.ReplaceAll(r.body, "ATTACK", "<script>alert(1)</script>"))}
	}
	for name, s := range all {
		first := b.verdict(s)
		for range *verdicts - 1 {
			if again := b.verdict(s); again != first {
				t.Errorf("%s: one time\n%s\nanother\n%s", name, first, again)
				break
			}
		}
	}
	t.Logf("%d requests, %d times each", len(all), *verdicts)
}

func (b *bench) verdict(s *sample) string {
	refused, fired := b.refuses(s, nil)
	slices.SortFunc(fired, func(x, y hit) int {
		return cmp.Or(cmp.Compare(x.rule, y.rule), cmp.Compare(x.variable, y.variable), cmp.Compare(x.key, y.key))
	})
	return fmt.Sprintln(refused, fired)
}

func sixty(other, same string) string { return thirty(other, same) + thirty("b"+other, same) }

// wholeSuite reads all requests of the Core Rule Set's suite.
func wholeSuite(t *testing.T) map[string]*sample {
	t.Helper()
	files, err := fs.Glob(tests.FS, "*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*sample)
	for _, file := range files {
		if rule, err := strconv.Atoi(strings.TrimSuffix(path.Base(file), ".yaml")); err == nil {
			maps.Copy(all, suiteOf(t, rule))
		}
	}
	return all
}
