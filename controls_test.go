package theriac_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// good is a small repository that keeps all rules. Each step of TestRulesCanFail
// breaks it in one place.
var good = map[string]string{
	"go.mod":                        "module example.com/theriac\n\nrequire example.com/product v1.0.0\n\n// Test dependencies.\nrequire (\n\texample.com/golden v1.0.0\n)\n",
	"LICENSE":                       "Apache License\nVersion 2.0, January 2004\n",
	"README.md":                     "# Theriac\n",
	"docs/README.md":                "# Documents\n\n* [shield](directives/shield.md)\n* [limits](directives/shop_limit.md#json)\n",
	"docs/directives/shield.md":     "# `shield`, the option\n\n## Summary\n## Syntax\n## Options\n## JSON\n## Examples\n## Metrics\n## Failure\n",
	"docs/directives/shop_limit.md": "# `shop_limit`\n\n## Summary\n## Syntax\n## Options\n## JSON\n## Examples\n## Metrics\n## Failure\n",
	"shop/shop.go":                  "// Package shop is the vocabulary.\npackage shop\n",
	"shop/shop_test.go":             "package shop_test\n\nimport (\n\t_ \"example.com/golden\"\n\t_ \"example.com/theriac/demoshop\"\n\t_ \"example.com/theriac/shop\"\n\t_ \"example.com/theriac/test/need\"\n)\n",
	"demoshop/demoshop.go":          "// Package demoshop is a shop.\npackage demoshop\n",
	"counters/counters.go":          "// Package counters counts.\npackage counters\n\nimport (\n\t_ \"embed\"\n\t_ \"example.com/theriac/shop\"\n\t_ \"example.com/product\"\n)\n\n//go:embed gcra.lua\nvar gcra string\n",
	"counters/tier/tier.go":         "// Package tier connects.\npackage tier\n\nimport _ \"github.com/redis/go-redis/v9\"\n",
	"counters/gcra.lua":             "return 0\n",
	"modules/limit/limit.go":        "// Package limit limits.\npackage limit\n\nimport _ \"example.com/theriac/shop\"\n\nvar Stage = stage{Directive: \"shop_limit\"}\n\nvar info = module{ID: \"http.handlers.shop_limit\"}\n",
	"modules/shield/shield.go":      "// Package shield owns the store.\npackage shield\n\nfunc init() { httpcaddyfile.RegisterGlobalOption(\"shield\", nil) }\n",
	"cmd/theriac/main.go":           "// Command theriac is the edge.\npackage main\n\nimport _ \"example.com/theriac/modules/limit\"\n",
	"test/edge/edge_test.go":        "// Package edge runs whole edges.\npackage edge\n\nimport (\n\t_ \"example.com/theriac/modules/limit\"\n\t_ \"github.com/redis/go-redis/v9\"\n)\n",
	"test/need/need.go":             "// Package need skips.\npackage need\n\nfunc missing(t T) { t.Skip() }\n",
}

// check runs all rules on a repository of these files, laid over the good one.
func check(t *testing.T, files map[string]string) (complaints []string) {
	t.Helper()
	tree := fstest.MapFS{}
	for _, layer := range []map[string]string{good, files} {
		for name, text := range layer {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	r, err := read(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		complaints = append(complaints, rule.check(r)...)
	}
	return complaints
}

func TestGoodRepository(t *testing.T) {
	for _, complaint := range check(t, nil) {
		t.Error(complaint)
	}
}

func TestRulesCanFail(t *testing.T) {
	todo, home := "TO"+"DO", "/"+"root/"
	for name, step := range map[string]struct{ file, text, want string }{
		"an import of ours that is not in the table": {
			"shop/bad.go", "package shop\n\nimport _ \"example.com/theriac/counters\"\n",
			"shop/bad.go imports counters; shop may import only [shop/netkey]",
		},
		"the root of our module counts as ours": {
			"shop/bad.go", "package shop\n\nimport _ \"example.com/theriac\"\n",
			"shop/bad.go imports the root; shop may import only [shop/netkey]",
		},
		"a stage imports another": {
			"modules/visit/visit.go", "// Package visit visits.\npackage visit\n\nimport _ \"example.com/theriac/modules/limit\"\n",
			"modules/visit/visit.go imports modules/limit; modules/visit may import only [shop shop/* hint counters webpage modules/shield modules/shield/*]",
		},
		"a test helper in the product": {
			"shop/bad.go", "package shop\n\nimport _ \"example.com/theriac/test/need\"\n",
			"shop/bad.go imports test/need; shop may import only [shop/netkey]",
		},
		"a test imports more than helpers": {
			"shop/bad_test.go", "package shop\n\nimport _ \"example.com/theriac/counters\"\n",
			"shop/bad_test.go imports counters; shop may import only [shop/netkey caddyfiles demoshop scrub/lab test/*]",
		},
		"a folder without a line": {
			"shop/prices/prices.go", "// Package prices prices.\npackage prices\n",
			"shop/prices/ is not in mayImport: give it a line there, or put its files where they belong",
		},
		"a top folder without a line": {
			"manual/manual.md", "# Manual\n",
			"manual/ is not a known top folder: name it in imports_test.go, or put its files where they belong",
		},
		"Redis outside of counters": {
			"modules/limit/bad.go", "package limit\n\nimport _ \"github.com/redis/go-redis/v9\"\n",
			"modules/limit/bad.go imports github.com/redis/go-redis/v9; only [counters/tier] and tests in test/ may: ask that package for what you need",
		},
		"Caddy in a package that decides": {
			"shop/bad.go", "package shop\n\nimport _ \"github.com/caddyserver/caddy/v2\"\n",
			"shop/bad.go imports github.com/caddyserver/caddy/v2; only [modules modules/* modules/shield/chain modules/shield/clientip modules/shield/outbox modules/shield/syntax cmd/theriac] and tests in test/ may: ask that package for what you need",
		},
		"a stage that changes the trust of a visit": {
			"modules/limit/bad.go", "package limit\n\nfunc (h *Handler) refuse(v *Visit) { v.Trust = Suspicious }\n",
			"modules/limit/bad.go:3 writes Trust in modules/limit Handler.refuse; only [\"modules/challenge Handler.ServeHTTP\" \"modules/challenge Handler.serveClaim\" \"modules/limit Handler.check\" \"modules/limit Handler.checkStranger\" \"modules/visit Handler.ServeHTTP\"] may, see shop.Visit.Trust",
		},
		"a visit that is made with some trust": {
			"modules/waf/bad.go", "// Package waf inspects.\npackage waf\n\nfunc visit() *Visit { return &Visit{Trust: Passed} }\n",
			"modules/waf/bad.go:4 writes Trust in modules/waf visit; only [\"modules/challenge Handler.ServeHTTP\" \"modules/challenge Handler.serveClaim\" \"modules/limit Handler.check\" \"modules/limit Handler.checkStranger\" \"modules/visit Handler.ServeHTTP\"] may, see shop.Visit.Trust",
		},
		"a log line without an interval": {
			"modules/waf/bad.go", "// Package waf inspects.\npackage waf\n\ntype h struct{ log rate.Sometimes }\n\nvar x = h{log: rate.Sometimes{First: 1}}\n",
			"modules/waf/bad.go:4: a rate.Sometimes is not given an Interval, and would run once in its life",
		},
		"a field named as the encoder's": {
			"modules/waf/bad.go", "// Package waf inspects.\npackage waf\n\nfunc (h *H) f() { h.log.Info(\"x\", zap.String(\"shop\", \"y\"), zap.Stringer(\"level\", l)) }\n",
			"modules/waf/bad.go:4: a log line would have the key \"level\" twice: name the field otherwise",
		},
		"a field twice in a line": {
			"modules/waf/bad.go", "// Package waf inspects.\npackage waf\n\nfunc (h *H) f() { h.log.Warn(\"x\", \"error\", a, \"why\", b, slog.Any(\"error\", c)) }\n",
			"modules/waf/bad.go:4: a log line would have the key \"error\" twice: name the field otherwise",
		},
		"a replaced module": {
			"go.mod", good["go.mod"] + "\nreplace example.com/product => ../product\n",
			"go.mod replaces a module: a build from outside would ignore it; send the change upstream",
		},
		"a test dependency among the product's": {
			"go.mod", "module example.com/theriac\n\nrequire example.com/golden v1.0.0\n",
			"go.mod: only tests import example.com/golden: move it to a require block of its own under the line \"// Test dependencies.\"",
		},
		"a dependency of the product among the tests'": {
			"go.mod", "module example.com/theriac\n\n// Test dependencies.\nrequire (\n\texample.com/golden v1.0.0\n\texample.com/product v1.0.0\n)\n",
			"go.mod: the product imports example.com/product: move it out of the block of test dependencies",
		},
		"no package comment": {
			"shop/shop.go", "package shop\n",
			"shop has no package comment: say in one file what it does, where it stands and how it fails",
		},
		"two package comments": {
			"shop/two.go", "// Package shop is more.\npackage shop\n",
			"shop has 2 package comments: make one of those in shop/shop.go, shop/two.go",
		},
		"a package comment in a test": {
			"shop/two_test.go", "// Package shop is more.\npackage shop\n",
			"shop/two_test.go has a package comment: move it to a file that is no test",
		},
		"a package comment that does not name it": {
			"shop/shop.go", "// Vocabulary of the stages.\npackage shop\n",
			"shop/shop.go: begin the package comment with \"Package shop \"",
		},
		"a command that does not name itself": {
			"cmd/theriac/main.go", "// Package main is the edge.\npackage main\n",
			"cmd/theriac/main.go: begin the package comment with \"Command theriac \"",
		},
		"a package named for nothing": {
			"cmd/util/util.go", "// Package util does.\npackage util\n",
			"cmd/util/util.go is in a package named util: name it for what it does",
		},
		"a file too long": {
			"shop/long.go", "package shop\n" + strings.Repeat("\n", 400),
			"shop/long.go has 401 lines: split it by what it is about, or give longFiles the reason",
		},
		"a command's file without a command": {
			"cmd/scrubd/claims.go", "// Command scrubd scrubs.\npackage main\n",
			"cmd/scrubd/claims.go has no command: move it below scrubd/, or what it prints into output.go",
		},
		"a private word in code": {
			"shop/bad.go", "package shop\n\n// The Desk decides.\n",
			"shop/bad.go:3 says \"Desk\": take the field's word, docs/glossary.md has it",
		},
		"a private word in a document": {
			"README.md", "# Theriac\n\nLeave it on the shelf.\n",
			"README.md:3 says \"shelf\": take the field's word, docs/glossary.md has it",
		},
		"an error in words of our own": {
			"shop/bad.go", "package shop\n\nvar err = errors.New(\"x is no time to last\")\n",
			"shop/bad.go:3 says \"is no time\": an error says \"not a valid X\" or \"duplicate X\"",
		},
		"a duplicate that stands twice": {
			"shop/bad.go", "package shop\n\nvar err = errors.New(\"zone x stands twice\")\n",
			"shop/bad.go:3 says \"stands twice\": an error says \"not a valid X\" or \"duplicate X\"",
		},
		"clauses for subjects": {
			"README.md", "# Theriac\n" + strings.Repeat("Read who comes.\n", mostRelatives),
			"60 lines say \"who\", fewer than 60 may: name the client, the request, the edge that is meant",
		},
		"work left for later": {
			"shop/bad.go", "package shop\n\n// " + todo + ": prices\n",
			"shop/bad.go:3 says " + todo + ": do it, or file an issue",
		},
		"a path of one machine": {
			"README.md", good["README.md"] + "cd " + home + "theriac\n",
			"README.md:2 names a path of one machine (" + home + "t): make it relative",
		},
		"a skip nobody can forbid": {
			"shop/bad_test.go", "package shop\n\nfunc TestShop(t T) {\n\tt.Skipf(\"not now\")\n}\n",
			"shop/bad_test.go:4 calls t.Skipf: ask test/need for what the test needs, it skips or fails as THERIAC_REQUIRE says",
		},
		"tests that start edges beside others": {
			"test/limits/limits_test.go", "// Package limits tests limits.\npackage limits\n\nimport _ \"example.com/theriac/test/edge\"\n",
			"the tests of test/limits start edges or a network: let the first line of their TestMain be need.Alone(), or name it in besideOthers",
		},
		"tests that start a network beside others": {
			"shop/bad_test.go", "package shop\n\nfunc TestShop(t T) {\n\tlab.New()\n}\n",
			"the tests of shop start edges or a network: let the first line of their TestMain be need.Alone(), or name it in besideOthers",
		},
		"a test that wants to be alone when it has begun": {
			"shop/bad_test.go", "package shop\n\nfunc TestShop(t T) {\n\tneed.Alone()\n}\n",
			"shop/bad_test.go:4 calls need.Alone: only the first line of a TestMain may",
		},
		"a package that is to be alone, and beside others": {
			"test/wire/main_test.go", "// Package wire tests what is on the wire.\npackage wire\n\nfunc TestMain(m *testing.M) {\n\tneed.Alone()\n}\n",
			"test/wire calls need.Alone, and is in besideOthers: one of both is wrong",
		},
		"a script that nobody embeds": {
			"counters/ban.lua", "return 0\n",
			"counters/ban.lua is embedded by []: exactly one Go file beside it must say //go:embed ban.lua",
		},
		"a script that two embed": {
			"counters/more.go", "package counters\n\n//go:embed *.lua\nvar all embed.FS\n",
			"counters/gcra.lua is embedded by [\"counters/counters.go\" \"counters/more.go\"]: exactly one Go file beside it must say //go:embed gcra.lua",
		},
		"a directive without a page": {
			"docs/directives/shop_limit.md", "# Limits\n\nA `shop_limit` limits.\n",
			"shop_limit has no page: give it docs/directives/shop_limit.md, which begins with \"# `shop_limit`\"",
		},
		"a directive's page with a heading of its own": {
			"docs/directives/shop_limit.md", "# `shop_limit`\n\n## Summary\n\n## Remarks\n",
			`docs/directives/shop_limit.md has the headings ["Summary" "Remarks"]: each page of a directive has ["Summary" "Syntax" "Options" "JSON" "Examples" "Metrics" "Failure"], in this order`,
		},
		"a page that the table of contents lacks": {
			"docs/bans.md", "# Bans\n",
			"docs/bans.md is not in the table of contents: link it from docs/README.md",
		},
		"a link to a file that does not exist": {
			"README.md", "# Theriac\n\nSee [bans](docs/bans.md).\n",
			"README.md links docs/bans.md, which does not exist",
		},
		"a link to a heading that does not exist": {
			"README.md", "# Theriac\n\nSee [limits](docs/directives/shop_limit.md#limits-of-all).\n",
			"README.md links docs/directives/shop_limit.md#limits-of-all, which is not a heading there",
		},
		"a directive that other plugins have": {
			"modules/limit/bad.go", "package limit\n\nfunc init() { httpcaddyfile.RegisterHandlerDirective(\"rate_limit\", nil) }\n",
			"modules/limit/bad.go registers rate_limit: a stage is named after its folder, shop_limit",
		},
		"another licence": {
			"LICENSE", "Do what you want.\n",
			"LICENSE is not the Apache License, Version 2.0: put the full text there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(t, map[string]string{step.file: step.text}); !slices.Contains(got, step.want) {
				t.Errorf("complaints %q, want one of them to be %q", got, step.want)
			}
		})
	}
}

func TestLongFilesAreKeptShort(t *testing.T) {
	r, err := read(fstest.MapFS{
		"a/long.go":      {Data: []byte("package a\n" + strings.Repeat("\n", 400))},
		"a/short.go":     {Data: []byte("package a\n")},
		"a/generated.go": {Data: []byte("// Code generated by a test. DO NOT EDIT.\n\npackage a\n" + strings.Repeat("\n", 400))},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := checkLengths(r, map[string]string{"a/long.go": "", "a/short.go": "it was long once"})
	want := []string{
		"a/long.go stands on longFiles without a reason: give one",
		"a/short.go has no more than 400 lines: take it off longFiles",
	}
	if !slices.Equal(got, want) {
		t.Errorf("complaints %q, want %q", got, want)
	}
}

func TestPhrasesThatAreIdiomatic(t *testing.T) {
	for _, text := range []string{"there is no room", "the key is no longer secret"} {
		if got := check(t, map[string]string{"shop/good.go": fmt.Sprintf("package shop\n\nvar text = %q\n", text)}); len(got) > 0 {
			t.Errorf("%q: complaints %q, want none", text, got)
		}
	}
}

func TestLargePackage(t *testing.T) {
	files := map[string]string{"shop/too_test.go": "package shop\n"}
	for i := range mostFiles {
		files[fmt.Sprintf("shop/shop%d.go", i)] = "package shop\n"
	}
	got := check(t, files)
	if want := fmt.Sprintf("shop has %d files: split it by what they are about, %d are the most", mostFiles+1, mostFiles); !slices.Contains(got, want) {
		t.Errorf("complaints %q, want one of them to be %q", got, want)
	}
}

func TestPathsThatAreNoMachines(t *testing.T) {
	for text, want := range map[string]bool{
		"cd " + "/" + "root/theriac":          true,
		"\"/" + "home/jo/theriac\"":           true,
		"https://shop.example/" + "home/page": false,
		"path /" + "home/ is a page":          false,
		"$ROOT/" + "home/x":                   false,
	} {
		if got := oneMachine.MatchString(text); got != want {
			t.Errorf("%q names a path of one machine: %t, want %t", text, got, want)
		}
	}
}
