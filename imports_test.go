package theriac_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// mayImport is the architecture: each folder with Go files, and the folders of
// ours that it may import. A line of its own beats that for all beside it. A
// folder that is not listed may not exist.
var mayImport = map[string]string{
	"":                    "", // this folder: tests of the whole tree
	"shop":                "shop/netkey",
	"shop/netkey":         "",
	"shop/ban":            "shop shop/netkey",
	"hint":                "",
	"hint/yamlline":       "",
	"audit":               "",
	"alert":               "shop hint",
	"watch":               "shop",
	"incident":            "shop shop/netkey watch",
	"incident/report":     "shop watch incident plot",
	"plot":                "",
	"parser":              "",
	"sieve":               "sieve/*",
	"sieve/*":             "sieve/byteset",
	"webpage":             "",
	"challenge/pow":       "",
	"challenge/browser":   "webpage",
	"anycast":             "",
	"anycast/speaker":     "hint anycast",
	"anycast/control":     "hint anycast",
	"anycast/daemon":      "hint hint/yamlline audit anycast anycast/control anycast/speaker",
	"counters":            "shop shop/* counters/*",
	"counters/*":          "shop shop/* counters/*",
	"scrub":               "shop hint scrub/pinset scrub/prefixmap scrub/features",
	"scrub/agent":         "shop hint scrub scrub/pinset scrub/prefixmap scrub/features",
	"scrub/pinset":        "hint scrub/features",
	"scrub/prefixmap":     "",
	"scrub/features":      "",
	"scrub/*":             "shop hint scrub scrub/agent scrub/pinset",
	"scrubd/client":       "shop shop/*",
	"scrubd/daemon":       "shop shop/* hint audit scrub scrub/agent scrub/features scrub/pinset scrubd/*",
	"scrubd/denylist":     "shop shop/ban audit scrub scrubd/client",
	"scrubd/hostcheck":    "hint scrub scrub/agent scrub/features scrub/pinset scrubd/peersock scrubd/policyfile",
	"scrubd/peersock":     "hint audit",
	"scrubd/policyfile":   "shop hint/yamlline scrub scrub/agent",
	"modules/shield":      "shop shop/* hint audit counters watch incident incident/* alert challenge/* scrubd/client modules/shield/*",
	"modules/shield/life": "",
	"modules/shieldctl":   "shop shop/* hint audit counters incident incident/* alert modules/shield modules/shield/* scrubd/client",
	"modules/challenge":   "shop shop/* hint counters webpage challenge/* modules/shield modules/shield/*",
	"modules/certs":       "shop shop/* hint counters modules/shield modules/shield/*",
	"modules/waf":         "shop shop/* hint counters webpage parser sieve sieve/seclang modules/shield modules/shield/* modules/waf/*",
	"modules/waf/rules":   "",
	"modules/waf/shape":   "",
	"modules/waf/values":  "parser sieve",
	"modules/gate":        "shop shop/* hint counters modules/shield modules/shield/* watch",
	"modules/*":           "shop shop/* hint counters webpage modules/shield modules/shield/*",
	"modules":             "modules/* modules/shield/chain",
	"caddyfiles":          "",
	"demoshop":            "",
	"drill/load":          "hint",
	"drill/scenario":      "hint hint/yamlline drill/load",
	"drill/flood":         "hint drill/load drill/orders drill/solver demoshop",
	"drill/attack":        "drill/load drill/record drill/scenario drill/solver challenge/*",
	"drill/customer":      "drill/load drill/orders drill/record drill/scenario drill/solver demoshop challenge/*",
	"drill/orders":        "hint drill/load demoshop",
	"drill/packets":       "hint drill/attack drill/child drill/customer drill/load drill/orders drill/record drill/scenario drill/world demoshop scrub/features scrub/lab",
	"drill/protocol":      "drill/attack drill/load drill/record drill/scenario",
	"drill/record":        "drill/scenario",
	"drill/report":        "drill/record drill/scenario plot",
	"drill/runner":        "drill/attack drill/child drill/customer drill/load drill/packets drill/protocol drill/record drill/scenario drill/world",
	"drill/solver":        "hint drill/load challenge/*",
	"drill/world":         "hint drill/child drill/load drill/orders drill/record drill/scenario demoshop challenge/pow shop/netkey counters counters/tier watch",
	"drill/child":         "hint",
	"drill/bench":         "hint drill/child drill/load shop shop/* counters challenge/* modules/shield/tally scrub scrub/*",
	"cmd/*":               "*",
	"test/*":              "*",
	"test/need":           "",

	"modules/shield/banindex":  "shop shop/*",
	"modules/shield/chain":     "shop modules/shield/syntax",
	"modules/shield/clientip":  "",
	"modules/shield/clock":     "counters",
	"modules/shield/incidents": "shop shop/netkey hint audit alert watch incident incident/report counters counters/tier",
	"modules/shield/layer4":    "watch incident scrubd/client",
	"modules/shield/levels":    "shop counters",
	"modules/shield/metric":    "shop",
	"modules/shield/outbox":    "alert hint modules/shield/syntax",
	"modules/shield/places":    "shop shop/netkey counters counters/keyset",
	"modules/shield/secret":    "shop/netkey challenge/pow",
	"modules/shield/syntax":    "",
	"modules/shield/tally":     "shop shop/netkey watch",
	"modules/shield/trouble":   "alert counters",
	"modules/shield/wants":     "shop",
	"modules/shield/watching":  "shop shop/* counters watch incident modules/shield/clock modules/shield/incidents modules/shield/layer4 modules/shield/levels modules/shield/tally",
}

// testsMayImport is what the test files of every folder may import besides.
// scrub/lab is in it because tests of the program need its packets.
const testsMayImport = "caddyfiles demoshop scrub/lab test/*"

// topFolders are those at the top without Go files.
const topFolders = ".ci .github .git caddyfiles challenge cmd docs drill scripts scrubd test tools"

// mayImportOthers names the only folders that may import packages of others;
// those in test/ may as well. A package that is not listed is free for all.
var mayImportOthers = map[string]string{
	"github.com/redis/go-redis":      "counters/tier",
	"github.com/alicebob/miniredis":  "counters/*",
	"github.com/caddyserver/caddy":   "modules modules/* modules/shield/chain modules/shield/clientip modules/shield/outbox modules/shield/syntax cmd/theriac",
	"github.com/tsenart/vegeta":      "drill/*",
	"github.com/cilium/ebpf":         "scrub scrub/*",
	"github.com/corazawaf/coraza":    "modules/waf modules/waf/rules modules/waf/values",
	"github.com/corazawaf/libinject": "modules/waf sieve",
	"github.com/axiomhq/hyperloglog": "incident",
	"github.com/wneessen/go-mail":    "alert",
	"github.com/osrg/gobgp":          "anycast/speaker",
}

// checkFolders: no folder without a line above.
func checkFolders(r *repository) (complaints []string) {
	for _, dir := range r.dirs() {
		if _, ok := lineOf(dir); !ok {
			complaints = append(complaints, fmt.Sprintf("%s/ is not in mayImport: give it a line there, or put its files where they belong", dir))
		}
	}
	for name := range r.files {
		top, _, nested := strings.Cut(name, "/")
		_, listed := mayImport[top]
		complaint := fmt.Sprintf("%s/ is not a known top folder: name it in imports_test.go, or put its files where they belong", top)
		if nested && !listed && !fits(top, topFolders) && !slices.Contains(complaints, complaint) {
			complaints = append(complaints, complaint)
		}
	}
	return complaints
}

// checkImports: a folder imports what mayImport allows, and nothing else.
func checkImports(r *repository) (complaints []string) {
	for _, f := range r.sources {
		allowed, ok := lineOf(f.dir)
		if !ok {
			continue // a complaint of checkFolders
		}
		if f.test {
			allowed += " " + testsMayImport
		}
		for _, imported := range f.imports() {
			ours, ok := strings.CutPrefix(imported+"/", r.module+"/")
			ours = strings.TrimSuffix(ours, "/")
			if !ok || f.test && ours == f.dir || fits(ours, allowed) {
				continue
			}
			complaints = append(complaints, fmt.Sprintf("%s imports %s; %s may import only [%s]",
				f.name, orRoot(ours), orRoot(f.dir), strings.TrimSpace(allowed)))
		}
	}
	return complaints
}

// checkOthers: a package of others has one home, so that it can be replaced.
func checkOthers(r *repository) (complaints []string) {
	for _, f := range r.sources {
		for _, imported := range f.imports() {
			for theirs, allowed := range mayImportOthers {
				if imported != theirs && !strings.HasPrefix(imported, theirs+"/") || fits(f.dir, allowed+" test/*") {
					continue
				}
				complaints = append(complaints, fmt.Sprintf("%s imports %s; only [%s] and tests in test/ may: ask that package for what you need",
					f.name, imported, allowed))
			}
		}
	}
	return complaints
}

// lineOf returns what the folder may import: of its own line, or of the line
// for all folders beside it.
func lineOf(dir string) (allowed string, ok bool) {
	if allowed, ok = mayImport[dir]; ok {
		return allowed, true
	}
	allowed, ok = mayImport[path.Dir(dir)+"/*"]
	return allowed, ok
}

// fits reports whether one of the patterns, words between spaces, names dir.
func fits(dir, patterns string) bool {
	for pattern := range strings.FieldsSeq(patterns) {
		if ok, err := path.Match(pattern, dir); err == nil && ok || pattern == "*" {
			return true
		}
	}
	return false
}

func orRoot(dir string) string {
	if dir == "" {
		return "the root"
	}
	return dir
}
