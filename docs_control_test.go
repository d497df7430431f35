package theriac_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// documented is a small repository that its documentation describes. Each step
// of TestDocRulesCanFail breaks it in one place.
var documented = map[string]string{
	"go.mod":       "module example.com/theriac\n\nrequire example.com/product v1.0.0\n",
	"tools/go.mod": "module example.com/theriac/tools\n\ntool (\n\texample.com/lint\n)\n",
	"docs/design/dependencies.md": "# Dependencies\n\n| module | why |\n|---|---|\n| `example.com/product` | is the product |\n\n" +
		"| tool | why |\n|---|---|\n| `example.com/lint` | lints |\n",

	"modules/limit/metrics.go": "package limit\n\nvar decisions = prometheus.NewCounterVec(prometheus.CounterOpts{\n\tName: \"theriac_limit_decisions_total\",\n}, []string{\"shop\", \"decision\"})\n\n" +
		"var keys = storeDesc(\"keys\", \"Keys.\", \"kind\")\n\nfunc storeDesc(name, help string, labels ...string) *prometheus.Desc {\n\treturn prometheus.NewDesc(\"theriac_store_\"+name, help, labels, nil)\n}\n\n" +
		"var ways = []string{\"allowed\", \"refused\"}\n",
	"docs/operations/metrics.md": "# Metrics\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n" +
		"| `theriac_limit_decisions_total` | counter | `shop`; `decision`: `allowed`, `refused` | decisions |\n| `theriac_store_keys` | gauge | `kind` | keys |\n",

	"scrub/reason.go":       "package scrub\n\nvar reasonNames = [...]string{first: \"clean\", second: \"land\"}\n",
	"scrub/policy.go":       "package scrub\n\ntype Config struct {\n\tInterfaces []string `yaml:\"interfaces\" json:\"interfaces\"`\n}\n",
	"scrub/agent/reason.go": "package agent\n\nvar reasonNames = [...]string{only: \"other\"}\n",
	"docs/scrubber.md": "# Scrubber\n\n| option | meaning |\n|---|---|\n| `interfaces` | which |\n\n| reason | outcome |\n|---|---|\n" +
		"| `clean` | passed |\n| `land` | dropped |\n",
	"docs/routed.md": "# Routed\n\n```yaml\ninterfaces: [eth0]\n```\n\n| reason | outcome |\n|---|---|\n| `other` | passed |\n",

	"modules/shieldctl/admin.go":   "package shieldctl\n\nvar routes = []route{{Pattern: \"/shield/status\"}}\n\ntype Report struct {\n\tNode string `json:\"node\"`\n}\n",
	"scrubd/daemon/server.go":      "package daemon\n\nimport \"example.com/theriac/scrubd/client\"\n\nfunc serve() { route(\"GET /status\"); route(\"POST \" + client.Path) }\n",
	"scrubd/client/client.go":      "package client\n\nconst Path = \"/bans\"\n",
	"docs/operations/admin-api.md": "# Admin API\n\n### `GET /shield/status`\n\n```json\n{\"node\": \"fra-1\"}\n```\n\n| route | who |\n|---|---|\n| `GET /status` | all |\n| `POST /bans` | edges |\n",

	"modules/limit/caddyfile.go": "package limit\n\nvar renamed = map[string]string{\"behind\": \"after\"}\n\nfunc (h *Handler) Unmarshal(d dispenser) {\n\tswitch d.Val() {\n\tcase \"rate\":\n\tcase \"burst\":\n\t}\n}\n",
	"modules/limit/limit.go": "package limit\n\ntype Handler struct {\n\tZones []*Zone `json:\"zones,omitempty\"`\n}\n\ntype Zone struct {\n\tRate string `json:\"rate,omitempty\"`\n}\n\n" +
		"func (*Handler) CaddyModule() {}\n\nfunc (h *Handler) ServeHTTP() {}\n\nfunc refuse() {}\n",
	"docs/directives/shop_limit.md": "# `shop_limit`\n\n| option | meaning |\n|---|---|\n| `rate` | how fast |\n| `burst <n>` | how many |\n\n```json\n{\"handler\": \"shop_limit\", \"zones\": [{\"rate\": \"20/s\"}]}\n```\n",

	"docs/operations/cli.md": "# Commands\n\n### `scrubd`\n\n```text\n  --socket string   where\n```\n\nCommands: `deny`\n\n### `scrubd deny`\n\n```text\n  --for string   how long\n  -n, --lines int\n```\n",
	"drill/bench/bench.go":   "package bench\n\nvar benches = []Bench{{Name: \"take\", Budget: \"1.3\"}, {Name: \"deny\", Budget: \"7..\"}, {Name: \"noise\", Budget: \"1\", OnlyAsked: true}}\n",
	"docs/performance.md":    "# Performance\n\n| line | measured | budget |\n|---|---|---|\n| `take` | 1 | ≤ 1.30 |\n| `deny` | 8 | ≥ 7 |\n",

	"README.md":       "# Theriac\n\nSee `scrubd deny 192.0.2.1 --for 1h`.\n\n```console\n$ scrubd deny 192.0.2.1 --socket s.sock -n 3\n192.0.2.1 is denied\n```\n",
	"ARCHITECTURE.md": "# Architecture\n\nFolders: `modules/limit`, `modules/shieldctl`, `scrub`, `scrub/agent`, `scrubd/client`, `scrubd/daemon`, `drill/bench`.\n\n```imports\n" + importTable() + "```\n\n## The way of a request\n\n" + strings.Repeat("`limit.Handler.ServeHTTP`, `limit.refuse`, ", 10) + "and `Caddyfile`.\n",
}

func checkDocsOf(t *testing.T, files map[string]string) (complaints []string) {
	t.Helper()
	tree := fstest.MapFS{}
	for _, layer := range []map[string]string{documented, files} {
		for name, text := range layer {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	r, err := read(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range docRules {
		complaints = append(complaints, rule.check(r)...)
	}
	return complaints
}

func TestDocumentedRepository(t *testing.T) {
	for _, complaint := range checkDocsOf(t, nil) {
		t.Error(complaint)
	}
}

func TestDocRulesCanFail(t *testing.T) {
	// with is a file of the documented repository with one text in another's place.
	with := func(file, old, new string) string {
		text := strings.Replace(documented[file], old, new, 1)
		if text == documented[file] {
			t.Fatalf("%s does not have %q", file, old)
		}
		return text
	}
	for name, step := range map[string]struct{ file, text, want string }{
		"a metric without a row": {
			"modules/limit/more.go", "package limit\n\nvar more = prometheus.NewDesc(\"theriac_limit_more\", \"More.\", nil, nil)\n",
			"docs/operations/metrics.md: metric theriac_limit_more is not documented: add it",
		},
		"a row without a metric": {
			"docs/operations/metrics.md", with("docs/operations/metrics.md", "theriac_store_keys", "theriac_store_kings"),
			"docs/operations/metrics.md: the code has no metric theriac_store_kings: correct the page",
		},
		"a metric of a helper": {
			"docs/operations/metrics.md", with("docs/operations/metrics.md", "theriac_store_keys", "theriac_store_kings"),
			"docs/operations/metrics.md: metric theriac_store_keys is not documented: add it",
		},
		"a label that a metric does not have": {
			"docs/operations/metrics.md", with("docs/operations/metrics.md", "`shop`; `decision`", "`shop`; `zone`"),
			"docs/operations/metrics.md: theriac_limit_decisions_total has the labels [\"shop\" \"decision\"], not [\"shop\" \"zone\"]",
		},
		"a label of a helper's metric": {
			"docs/operations/metrics.md", with("docs/operations/metrics.md", "`kind`", ""),
			"docs/operations/metrics.md: theriac_store_keys has the labels [\"kind\"], not []",
		},
		"a value that no label has": {
			"docs/operations/metrics.md", with("docs/operations/metrics.md", "`refused`", "`vouched`"),
			"docs/operations/metrics.md: no label of theriac_limit_decisions_total can be \"vouched\": correct the page",
		},
		"another page's table with other labels": {
			"docs/directives/shop_limit.md", documented["docs/directives/shop_limit.md"] + "\n| metric | labels |\n|---|---|\n| `theriac_limit_decisions_total` | `shop` |\n",
			"docs/directives/shop_limit.md: theriac_limit_decisions_total has the labels [\"shop\" \"decision\"], not [\"shop\"]",
		},
		"a metric in prose that does not exist": {
			"docs/bans.md", "# Bans\n\nWatch `theriac_bans_total`.\n",
			"docs/bans.md: the code has no metric theriac_bans_total: correct the page",
		},
		"a reason without a row": {
			"scrub/reason.go", with("scrub/reason.go", "second:", "third: \"bogon\", second:"),
			"docs/scrubber.md: reason bogon is not documented: add it",
		},
		"a row without a reason": {
			"docs/scrubber.md", with("docs/scrubber.md", "`land`", "`sea`"),
			"docs/scrubber.md: the code has no reason sea: correct the page",
		},
		"a reason of the agent without a row": {
			"scrub/agent/reason.go", with("scrub/agent/reason.go", "other", "stranger"),
			"docs/routed.md: reason stranger is not documented: add it",
		},
		"an option of a policy file without a row": {
			"scrub/policy.go", with("scrub/policy.go", "`yaml:\"interfaces\"", "`yaml:\"links\""),
			"docs/scrubber.md or docs/routed.md: option links is not documented: add it",
		},
		"a row without an option": {
			"docs/scrubber.md", with("docs/scrubber.md", "`interfaces`", "`links`"),
			"docs/scrubber.md or docs/routed.md: the code has no option links: correct the page",
		},
		"an example with an option that does not exist": {
			"docs/routed.md", with("docs/routed.md", "interfaces: [eth0]", "interfaces: [eth0]\nlinks: [eth1]"),
			"docs/routed.md:4: no policy file has an option \"links\": correct the example",
		},
		"a table that an empty line cuts": {
			"docs/scrubber.md", with("docs/scrubber.md", "| `land` | dropped |\n", "\n| `land` | dropped |\n\n"),
			"docs/scrubber.md:12: this is not the second line of a table: did an empty line cut it in two?",
		},
		"a row with a cell too many": {
			"docs/scrubber.md", with("docs/scrubber.md", "| dropped |", "| dropped | sent |"),
			"docs/scrubber.md:10: the row has 3 cells, the table 2",
		},
		"a route of the edge that is not documented": {
			"modules/shieldctl/admin.go", with("modules/shieldctl/admin.go", "/shield/status", "/shield/shops"),
			"docs/operations/admin-api.md: route /shield/shops is not documented: add it",
		},
		"a route of scrubd that does not exist": {
			"docs/operations/admin-api.md", with("docs/operations/admin-api.md", "`GET /status`", "`GET /state`"),
			"docs/operations/admin-api.md: the code has no route GET /state: correct the page",
		},
		"a route in two parts": {
			"scrubd/client/client.go", with("scrubd/client/client.go", "/bans", "/verdicts"),
			"docs/operations/admin-api.md: route POST /verdicts is not documented: add it",
		},
		"a field of the admin API that is not documented": {
			"modules/shieldctl/admin.go", with("modules/shieldctl/admin.go", "json:\"node", "json:\"name"),
			"docs/operations/admin-api.md: the field \"name\" of modules/shieldctl is not documented: add it",
		},
		"a field of the admin API that does not exist": {
			"docs/operations/admin-api.md", with("docs/operations/admin-api.md", "{\"node", "{\"edge_name"),
			"docs/operations/admin-api.md: the code has no field \"edge_name\": correct the page",
		},
		"a dependency without a line": {
			"go.mod", documented["go.mod"] + "\nrequire example.com/more v1.0.0\n",
			"docs/design/dependencies.md: dependency example.com/more is not documented: add it",
		},
		"a line without a tool": {
			"tools/go.mod", "module example.com/theriac/tools\n",
			"docs/design/dependencies.md: the code has no dependency example.com/lint: correct the page",
		},
		"a subdirective that is not documented": {
			"modules/limit/caddyfile.go", with("modules/limit/caddyfile.go", "case \"burst\":", "case \"burst\", \"slack\":"),
			"docs/directives/shop_limit.md: the parser in modules/limit knows \"slack\", and the page does not: document it",
		},
		"an option that the parser does not know": {
			"docs/directives/shop_limit.md", with("docs/directives/shop_limit.md", "| `rate` |", "| `speed` |"),
			"docs/directives/shop_limit.md: the parser in modules/limit does not know the option \"speed\": correct the page",
		},
		"a JSON field that is not documented": {
			"modules/limit/limit.go", with("modules/limit/limit.go", "json:\"rate,", "json:\"speed,"),
			"docs/directives/shop_limit.md: the JSON field \"speed\" of modules/limit is not documented: add it",
		},
		"a JSON field that does not exist": {
			"docs/directives/shop_limit.md", with("docs/directives/shop_limit.md", "\"zones\"", "\"rooms\""),
			"docs/directives/shop_limit.md:9: no module has a JSON field \"rooms\": correct the example",
		},
		"a command that does not exist": {
			"README.md", with("README.md", "$ scrubd deny", "$ scrubd lift"),
			"README.md: `scrubd` has no command `lift`: correct the page",
		},
		"a flag that does not exist": {
			"README.md", with("README.md", "--for 1h", "--until 1h"),
			"README.md: `scrubd deny` has no flag --until: correct the page",
		},
		"a bench without a line": {
			"drill/bench/bench.go", with("drill/bench/bench.go", "\"deny\"", "\"drop\""),
			"docs/performance.md: bench drop is not documented: add it",
		},
		"another budget": {
			"docs/performance.md", with("docs/performance.md", "≥ 7", "≥ 5"),
			"docs/performance.md: the budget of deny is \"7..\", not \"5..\"",
		},
		"a README that grows": {
			"README.md", documented["README.md"] + strings.Repeat("\n", 200),
			"README.md has 208 lines; at most 200: move what is reference to docs/",
		},
		"a folder that the map does not have": {
			"drill/load/load.go", "package load\n",
			"ARCHITECTURE.md: the folder drill/load is not in its table: say there what it is",
		},
		"an arrow that the map does not have": {
			"ARCHITECTURE.md", with("ARCHITECTURE.md", "shop/netkey", "shop/elsewhere"),
			"ARCHITECTURE.md: its block ```imports is not mayImport of imports_test.go; it should be:\n" + importTable(),
		},
		"a function that does not exist": {
			"ARCHITECTURE.md", with("ARCHITECTURE.md", "`limit.refuse`", "`limit.accept`"),
			"ARCHITECTURE.md: there is no limit.accept: correct the map",
		},
		"a function that a ban does not meet": {
			"docs/bans.md", "# Bans\n\n## The way of a ban\n\n```text\nlimit.Handler.ServeHTTP -> limit.ban\n```\n",
			"docs/bans.md: there is no limit.ban: correct the picture",
		},
		"a file that is not on a ban's way": {
			"docs/bans.md", "# Bans\n\n## The way of a ban\n\n```text\ncounters/ban.lua\n```\n",
			"docs/bans.md: there is no file counters/ban.lua: correct the picture",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := checkDocsOf(t, map[string]string{step.file: step.text}); !slices.Contains(got, step.want) {
				t.Errorf("complaints %q, want one of them to be %q", got, step.want)
			}
		})
	}
}
