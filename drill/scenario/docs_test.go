package scenario

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestPage: each scenario of the drill's page can be read, and each field, word and
// built-in scenario is on it.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile("../../docs/operations/drill.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	for _, b := range blocks {
		if _, err := Parse("drill.md", []byte(b[1])); err != nil {
			t.Error(err)
		}
	}
	if len(blocks) == 0 {
		t.Error("the page has no scenario")
	}
	var names []string
	for _, v := range []any{Shop{}, Customers{}, Crowd{}, Wave{}, Chaos{}, Blackhole{}, Targets{}} {
		for field := range reflect.TypeOf(v).Fields() {
			names = append(names, field.Tag.Get("yaml"))
		}
	}
	for vector := range vectorPaths {
		names = append(names, string(vector))
	}
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		names = append(names, s.Name)
	}
	names = append(names, string(RandomQuery), string(OldStamps), string(StolenPass), string(StopRedis), string(KillEdge), string(KillLeader), string(Reload), string(StopShops))
	for _, name := range names {
		if name != "name" && !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page says nothing of %q", name)
		}
	}
}
