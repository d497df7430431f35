package shop

import (
	"fmt"
	"strconv"
)

// Table is what each level does.
type Table [Levels]Measures

// column is one measure, for whatever is done with each of them.
type column struct {
	name   string
	text   func(*Measures) string
	allows func(*Measures) []float64 // more is more
	take   func(from, into *Measures)
}

var columns = []column{
	percentColumn("suspicious", func(m *Measures) *Percent { return &m.Suspicious }),
	allowanceColumn("stranger", func(m *Measures) *Allowance { return &m.Stranger }),
	allowanceColumn("search", func(m *Measures) *Allowance { return &m.Search }),
	allowanceColumn("account", func(m *Measures) *Allowance { return &m.Account }),
	{
		"ban_after",
		func(m *Measures) string { return strconv.FormatUint(uint64(m.BanAfter), 10) },
		func(m *Measures) []float64 { return []float64{float64(m.BanAfter)} },
		func(from, into *Measures) { into.BanAfter = from.BanAfter },
	},
	percentColumn("subnet", func(m *Measures) *Percent { return &m.Subnet }),
	percentColumn("crawlers", func(m *Measures) *Percent { return &m.Crawlers }),
	percentColumn("firewall", func(m *Measures) *Percent { return &m.Firewall }),
	percentColumn("gate", func(m *Measures) *Percent { return &m.Gate }),
}

func percentColumn(name string, of func(*Measures) *Percent) column {
	return column{
		name,
		func(m *Measures) string { return of(m).String() },
		func(m *Measures) []float64 { return []float64{float64(*of(m))} },
		func(from, into *Measures) { *of(into) = *of(from) },
	}
}

func allowanceColumn(name string, of func(*Measures) *Allowance) column {
	return column{
		name,
		func(m *Measures) string { return of(m).String() },
		func(m *Measures) []float64 {
			a := of(m)
			return []float64{float64(a.Rate.Events) / max(1, float64(a.Rate.Per)), float64(a.Burst)}
		},
		func(from, into *Measures) { *of(into) = *of(from) },
	}
}

// Row is one measure at every level, as operators read and write it.
type Row struct {
	Measure string         `json:"measure"`
	Levels  [Levels]string `json:"levels"`
}

// Rows returns the table, a row for each measure.
func (t *Table) Rows() []Row {
	rows := make([]Row, len(columns))
	for i, c := range columns {
		rows[i].Measure = c.name
		for level := range t {
			rows[i].Levels[level] = c.text(&t[level])
		}
	}
	return rows
}

// With returns the table with what is set in over. It fails if a level then allows nothing,
// or more than the one below: raising a level must never open a shop.
func (t Table) With(over map[Level]Measures) (Table, error) {
	for level, m := range over {
		if level == Calm || int(level) >= Levels {
			return t, fmt.Errorf("invalid level %d: want 1 to 4; at level 0 there are only the limits themselves", level)
		}
		for _, c := range columns {
			if c.isSet(&m) {
				c.take(&m, &t[level])
			}
		}
	}
	for level := 1; level < Levels; level++ {
		for _, c := range columns {
			is, below := c.allows(&t[level]), c.allows(&t[level-1])
			for i := range is {
				if is[i] <= 0 {
					return t, fmt.Errorf("level %d allows nothing with %s %s: want more than 0", level, c.name, c.text(&t[level]))
				}
				if is[i] > below[i] {
					return t, fmt.Errorf("level %d allows more with %s %s than level %d with %s: want no more, or more there as well",
						level, c.name, c.text(&t[level]), level-1, c.text(&t[level-1]))
				}
			}
		}
	}
	return t, nil
}

// isSet reports whether anything of the measure is not zero.
func (c *column) isSet(m *Measures) bool {
	for _, n := range c.allows(m) {
		if n != 0 {
			return true
		}
	}
	return false
}
