package waf

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/theriac-edge/theriac/modules/waf/rules"
	"github.com/theriac-edge/theriac/parser"
)

// stockBench runs the Core Rule Set without our own rules.
func stockBench(t testing.TB, like *bench) *bench {
	t.Helper()
	e, err := newEngine(strings.Replace(rules.Engine, rules.IncludeOwn, "", 1) + "SecRuleRemoveById 900240\n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Destruct(); err != nil {
			t.Error(err)
		}
	})
	return &bench{engine: e, limits: like.limits, bare: like.bare}
}

// shot is a request to a shop that has a text in one place. The text says which:
// `GET /path`, `json: {…}`, `form: a=b`, `cookie: a=b`, `referer: …`, `part: type/of-it`,
// `file: name`, `xml: …`, `agent: …`;
// otherwise it is the value of a field.
func shot(t *testing.T, text string) *sample {
	t.Helper()
	method, target, header, media, body := http.MethodPost, "/account", "", "application/x-www-form-urlencoded", ""
	agent := "Mozilla/5.0"
	where, what, _ := strings.Cut(text, ": ")
	switch where {
	case "json":
		media, body = "application/json", what
	case "form":
		body = what
	case "xml":
		media, body = "text/xml", what
	case "cookie", "referer", "x-shop":
		method, header = http.MethodGet, where+": "+what+"\r\n"
	case "agent":
		method, agent = http.MethodGet, what
	case "file":
		media = "multipart/form-data; boundary=b00dary"
		body = "--b00dary\r\nContent-Disposition: form-data; name=\"x\"; filename=\"" + what + "\"\r\n\r\nx\r\n--b00dary--\r\n"
	case "part":
		media = "multipart/form-data; boundary=b00dary"
		body = "--b00dary\r\nContent-Disposition: form-data; name=\"x\"\r\n" + what + "\r\n\r\nx\r\n--b00dary--\r\n"
	default:
		if strings.HasPrefix(text, "GET /") {
			method, target, _ = strings.Cut(text, " ")
		} else {
			body = url.Values{"x": {text}}.Encode()
		}
	}
	if body != "" {
		header += "Content-Type: " + media + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: shop.example\r\n" +
		"User-Agent: " + agent + "\r\nAccept: */*\r\n" + header + "\r\n" + body)))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	all, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &sample{Request: r, body: all}
}

func firedRule(fired []hit, rule int) bool {
	return slices.ContainsFunc(fired, func(h hit) bool { return h.rule == rule })
}

func without(rule int) []step {
	remove := func(from excluder, _ *http.Request, _ *parser.Table) { from.RemoveRuleByID(rule) }
	return []step{{rules: []int{rule}, exclude: remove}}
}

// TestAddedRules: each attack is refused by one of our own rules and would pass without
// it; harmless values beside it do not set it off.
func TestAddedRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, set := range addedRules {
		t.Run(strconv.Itoa(set.rule), func(t *testing.T) {
			if len(set.attacks) < 8 || len(set.harmless) < 8 {
				t.Errorf("%d attacks and %d harmless values, want 8 of each", len(set.attacks), len(set.harmless))
			}
			for _, attack := range set.attacks {
				if refused, fired := b.refuses(shot(t, attack), nil); !refused || !firedRule(fired, set.rule) {
					t.Errorf("%s: refused %t, and the rule fired %t", attack, refused, firedRule(fired, set.rule))
				}
				if refused, _ := b.refuses(shot(t, attack), without(set.rule)); refused {
					t.Errorf("%s: refused without the rule, too", attack)
				}
			}
			for _, value := range set.harmless {
				if _, fired := b.refuses(shot(t, value), nil); firedRule(fired, set.rule) {
					t.Errorf("%s: the rule fired", value)
				}
			}
		})
	}
}

// TestMendedRules: each attack sets off the rule, and each harmless value only that of the
// Core Rule Set with its number.
func TestMendedRules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stock := stockBench(t, b)
	for _, set := range slices.Concat(mendedRules, changedRules) {
		t.Run(strconv.Itoa(set.rule), func(t *testing.T) {
			for _, attack := range set.attacks {
				if _, fired := b.refuses(shot(t, attack), nil); !firedRule(fired, set.rule) {
					t.Errorf("%s: the rule did not fire", attack)
				}
			}
			for _, value := range set.harmless {
				if _, fired := b.refuses(shot(t, value), nil); firedRule(fired, set.rule) {
					t.Errorf("%s: the rule fired", value)
				}
				if _, fired := stock.refuses(shot(t, value), nil); !firedRule(fired, set.rule) {
					t.Errorf("%s: the rule of the Core Rule Set does not fire: nothing to mend", value)
				}
			}
		})
	}
}

// TestMendedRulesKeepTheirTags: exclusions by tag go on working, and so does the number.
func TestMendedRulesKeepTheirTags(t *testing.T) {
	t.Parallel()
	removed := regexp.MustCompile(`(?m)^SecRuleRemoveById (\d+)$`)
	shared, err := rules.Text()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[int][]types.RuleMetadata)
	config := coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(shared)
	if _, err := coraza.NewWAF(experimental.WAFConfigWithRuleObserver(config, func(rule types.RuleMetadata) {
		seen[rule.ID()] = append(seen[rule.ID()], rule)
	})); err != nil {
		t.Fatal(err)
	}
	found := removed.FindAllStringSubmatch(shared, -1)
	if want := len(mendedRules) + len(orderedRules); len(found) != want {
		t.Errorf("%d rules are replaced, and %d are tested", len(found), want)
	}
	for _, match := range found {
		id, _ := strconv.Atoi(match[1])
		rules := seen[id]
		if id == 922120 && len(rules) == 1 {
			continue // not replaced: the parser of requests does what it did
		}
		if len(rules) != 2 {
			t.Errorf("%d: loaded %d times, want once by the Core Rule Set and once by us", id, len(rules))
			continue
		}
		if got, want := rules[1].Tags(), rules[0].Tags(); !slices.Equal(got, want) {
			t.Errorf("%d: tags %v, want %v", id, got, want)
		}
		if rules[1].Phase() != rules[0].Phase() || rules[1].Severity() != rules[0].Severity() {
			t.Errorf("%d: another phase or severity", id)
		}
	}
	for id, rules := range seen {
		if id >= 9900100 && (len(rules) != 1 || !isAttack(id) || rules[0].Severity() != types.RuleSeverityCritical ||
			!slices.ContainsFunc(rules[0].Tags(), func(tag string) bool { return strings.HasPrefix(tag, "attack-") })) {
			t.Errorf("%d: want one rule that counts as an attack, is critical and has a tag for exclusions", id)
		}
	}
}

// TestAllOfTheRuleSetIsIncluded: an upgrade may bring a file that no line of engine.conf
// covers.
func TestAllOfTheRuleSetIsIncluded(t *testing.T) {
	t.Parallel()
	if !strings.Contains(rules.Engine, rules.IncludeOwn) {
		t.Errorf("engine.conf does not include our own rules")
	}
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	lines := regexp.MustCompile(`(?m)^Include (@owasp_crs/.*)$`).FindAllStringSubmatch(rules.Engine, -1)
	last := ""
	for _, line := range lines {
		for _, file := range files {
			if ok, _ := path.Match(line[1], file); !ok {
				continue
			}
			if file <= last {
				t.Errorf("%s comes twice or behind %s", file, last)
			}
			last = file
		}
	}
	for _, file := range files {
		covered := func(line []string) bool { ok, _ := path.Match(line[1], file); return ok }
		if !slices.ContainsFunc(lines, covered) {
			t.Errorf("no line of engine.conf includes %s", file)
		}
	}
}

// TestExtensions: the list in engine.conf is that of the rule set without two.
func TestExtensions(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(coreruleset.FS, "@owasp_crs/REQUEST-901-INITIALIZATION.conf")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`tx\.restricted_extensions=([^']*)'`)
	theirs, ours := list.FindSubmatch(text), list.FindStringSubmatch(rules.Engine)
	if theirs == nil || ours == nil {
		t.Fatal("no list")
	}
	want := bytes.ReplaceAll(bytes.ReplaceAll(theirs[1], []byte(".com/ "), nil), []byte(".xsd/ "), nil)
	if ours[1] != string(want) {
		t.Errorf("got  %s\nwant %s", ours[1], want)
	}
}
