package shop

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTableWith(t *testing.T) {
	quick := Allowance{Rate: Rate{Events: 3, Per: time.Second}, Burst: 20}
	for what, c := range map[string]struct {
		over map[Level]Measures
		want string // in the error; empty: there is none
	}{
		"nothing":                     {nil, ""},
		"a narrower one":              {map[Level]Measures{Siege: {BanAfter: 5}}, ""},
		"level 0":                     {map[Level]Measures{Calm: {BanAfter: 5}}, "invalid level 0"},
		"no such level":               {map[Level]Measures{7: {BanAfter: 5}}, "invalid level 7"},
		"more than the level below":   {map[Level]Measures{Attack: {Stranger: quick}}, "level 2 allows more with stranger 3/s 20 than level 1 with 2/s 20"},
		"and the level below with it": {map[Level]Measures{Attack: {Stranger: quick}, Raised: {Stranger: quick}}, ""},
		"less than the level above":   {map[Level]Measures{Raised: {BanAfter: 10}}, "level 2 allows more with ban_after 60 than level 1 with 10"},
		"an allowance without rate":   {map[Level]Measures{Siege: {Search: Allowance{Burst: 3}}}, "level 4 allows nothing with search"},
		"a larger burst alone":        {map[Level]Measures{Siege: {Account: Allowance{Rate: Rate{Events: 6, Per: time.Minute}, Burst: 7}}}, "level 4 allows more with account 6/m 7"},
	} {
		got, err := Table(DefaultMeasures).With(c.over)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		if m, ok := c.over[Siege]; ok && c.want == "" && (got[Siege].BanAfter != m.BanAfter || got[Siege].Subnet != DefaultMeasures[Siege].Subnet) {
			t.Errorf("%s: got %+v", what, got[Siege])
		}
	}
}

// TestRows: each measure is a row, so that none is forgotten where the table is printed,
// compared or changed.
func TestRows(t *testing.T) {
	table := Table(DefaultMeasures)
	rows := table.Rows()
	fields := reflect.TypeFor[Measures]().NumField()
	if len(rows) != fields {
		t.Errorf("%d rows, want %d", len(rows), fields)
	}
	for _, row := range rows {
		if row.Measure == "stranger" && row.Levels[Siege] != "30/m 5" {
			t.Errorf("got %q", row.Levels)
		}
	}
}

// TestDocumented: the page of the levels has the table that is in force.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/levels.md")
	if err != nil {
		t.Fatal(err)
	}
	table := Table(DefaultMeasures)
	for _, row := range table.Rows() {
		line := "| `" + row.Measure + "` | " + strings.Join(row.Levels[:], " | ") + " |\n"
		if !strings.Contains(string(page), line) {
			t.Errorf("docs/levels.md lacks the line\n%s", line)
		}
	}
}
