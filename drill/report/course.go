package report

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/plot"
)

// overSeconds is the window of the share of good pages: that of a second with one page
// is all or nothing.
const overSeconds = 5

// tableRows is how many rows the table of a plot has at most.
const tableRows = 20

// course are the plots.
func (r *Report) course() plot.Section {
	s := plot.Section{ID: "course", Title: "What happened", Plots: []*plot.Plot{r.plotCustomers(), r.plotLatency()}}
	run := r.main()
	if len(run.Waves) > 0 {
		s.Plots = append(s.Plots, r.plotAttack(run), r.plotStopped(run))
	}
	if topOf(run) >= 0 {
		s.Plots = append(s.Plots, r.plotLevel(run))
	}
	for _, p := range s.Plots {
		p.X = r.x().Seconds(r.length())
		p.Bands = r.bands()
	}
	return s
}

func (r *Report) length() int { return int((r.Scenario.For.D() + time.Second - 1) / time.Second) }

func (r *Report) x() plot.Scale { return plot.X(r.length()) }

func middle(i int) float64 { return float64(i) + 0.5 }

// bands are the waves.
func (r *Report) bands() (all []plot.Band) {
	for _, w := range r.Scenario.Schedule().Pulses {
		left := r.x().Of(w.At.D().Seconds())
		right := r.x().Of((w.At + w.For).D().Seconds())
		all = append(all, plot.Band{Class: "wave", X: plot.Coordinate(left), Width: plot.Coordinate(right - left)})
	}
	return all
}

// attacked are the shops that some wave was for, or all if there was none.
func attacked(run *record.Run) (all []*record.Shop) {
	for _, s := range run.Shops {
		for _, w := range run.Waves {
			if w.Shop == s.Name {
				all = append(all, s)
				break
			}
		}
	}
	if all == nil {
		return run.Shops
	}
	return all
}

// sums adds up the seconds of shops.
func sums(shops []*record.Shop, length int) []record.Second {
	all := make([]record.Second, length)
	for _, s := range shops {
		for i := range min(length, len(s.Seconds)) {
			all[i].Add(&s.Seconds[i])
		}
	}
	return all
}

// column makes one value of each second.
func column(all []record.Second, of func(*record.Second) float64) []float64 {
	values := make([]float64, len(all))
	for i := range all {
		values[i] = of(&all[i])
	}
	return values
}

// goodShares are the percentages of good pages around each second; -1 for no page.
func goodShares(all []record.Second) []float64 {
	shares := make([]float64, len(all))
	for i := range all {
		good, pages := 0, 0
		for j := max(0, i-overSeconds/2); j <= min(i+overSeconds/2, len(all)-1); j++ {
			good, pages = good+all[j].Good, pages+all[j].Pages
		}
		shares[i] = -1
		if pages > 0 {
			shares[i] = 100 * float64(good) / float64(pages)
		}
	}
	return shares
}

// sampled makes the table of a plot: the cells of each group of seconds.
func (r *Report) sampled(title string, heads []string, columns [][]float64, unit string) *plot.Table {
	size := (r.length() + tableRows - 1) / tableRows
	tab := &plot.Table{Title: title, Head: append([]string{"From"}, heads...)}
	for from := 0; from < r.length(); from += size {
		row := []string{fmt.Sprintf("%d s", from)}
		for _, c := range columns {
			sum, n := 0.0, 0.0
			for _, v := range c[from:min(from+size, len(c))] {
				if v >= 0 {
					sum, n = sum+v, n+1
				}
			}
			if n == 0 {
				row = append(row, "-")
				continue
			}
			row = append(row, plot.Figure(sum/n)+unit)
		}
		tab.Rows = append(tab.Rows, row)
	}
	return tab
}

// plotCustomers compares the worlds.
func (r *Report) plotCustomers() *plot.Plot {
	y := plot.Y(100)
	p := &plot.Plot{
		ID: "customers", Title: "How customers were served", Unit: fmt.Sprintf("%% of the pages they wanted, over %d s", overSeconds),
		Y: y.Values(4, " %"), Limit: plot.Coordinate(y.Of(95)), LimitLabel: "95 %",
	}
	var columns [][]float64
	for _, run := range r.Runs {
		shares := goodShares(sums(attacked(run), r.length()))
		columns = append(columns, shares)
		p.Curves = append(p.Curves, plot.Line(run.World, run.World, plot.Path(r.x(), y, middle, shares)))
		lowest := 100.0
		for _, v := range shares {
			if v >= 0 {
				lowest = min(lowest, v)
			}
		}
		p.Desc += fmt.Sprintf("%s: at worst %s %%. ", run.World, plot.Figure(lowest))
	}
	p.Desc += "Shaded: waves."
	p.Table = r.sampled("Pages answered well at the attacked shops", r.worlds(), columns, " %")
	return p
}

// plotLatency has the slowest page of each second.
func (r *Report) plotLatency() *plot.Plot {
	var columns [][]float64
	highest := 0.0
	for _, run := range r.Runs {
		c := column(sums(attacked(run), r.length()), func(s *record.Second) float64 {
			if s.Pages == 0 {
				return -1
			}
			return float64(s.Worst) / 1000
		})
		for _, v := range c {
			highest = max(highest, v)
		}
		columns = append(columns, c)
	}
	y := plot.Y(plot.Ceiling(highest))
	p := &plot.Plot{
		ID: "latency", Title: "The slowest page", Unit: "seconds, of those that were due in each second", Y: y.Values(4, " s"),
		Desc:  fmt.Sprintf("At worst %s s. It includes solving, and waiting without scripts.", plot.Figure(highest)),
		Table: r.sampled("The slowest page, mean of some seconds", r.worlds(), columns, " s"),
	}
	for i, run := range r.Runs {
		p.Curves = append(p.Curves, plot.Line(run.World, run.World, plot.Path(r.x(), y, middle, columns[i])))
	}
	return p
}

// plotAttack is what came and what reached the shops.
func (r *Report) plotAttack(run *record.Run) *plot.Plot {
	all := sums(run.Shops, r.length())
	sent := column(all, func(s *record.Second) float64 { return float64(s.Sent()) })
	through := column(all, func(s *record.Second) float64 {
		return float64(s.Attack[record.Served] + s.Attack[record.Failed])
	})
	highest := 0.0
	for _, v := range sent {
		highest = max(highest, v)
	}
	y := plot.Y(plot.Ceiling(highest))
	zero := make([]float64, len(sent))
	return &plot.Plot{
		ID: "attack", Title: "What came", Unit: "requests of attacks a second, " + run.World, Y: y.Values(4, ""),
		Curves: []plot.Curve{
			plot.Filled("attack", "sent", plot.Area(r.x(), y, middle, zero, sent)),
			plot.Line("through", "answered by the shop", plot.Path(r.x(), y, middle, through)),
		},
		Desc:  fmt.Sprintf("At most %s requests a second.", plot.Figure(highest)),
		Table: r.sampled("Requests of attacks a second", []string{"Sent", "Answered by the shop"}, [][]float64{sent, through}, ""),
	}
}

// plotStopped is what stopped it.
func (r *Report) plotStopped(run *record.Run) *plot.Plot {
	all := sums(run.Shops, r.length())
	highest := 0.0
	for i := range all {
		highest = max(highest, float64(all[i].Stopped()))
	}
	y := plot.Y(plot.Ceiling(highest))
	p := &plot.Plot{
		ID: "stopped", Title: "What was stopped", Unit: "a second, by stage, " + run.World, Y: y.Values(4, ""),
		Desc: fmt.Sprintf("All stages together stopped at most %s a second.", plot.Figure(highest)),
	}
	below := make([]float64, len(all))
	var heads []string
	var columns [][]float64
	for _, stage := range []struct {
		outcome record.Outcome
		class   string
		name    string
	}{{record.Limited, "limit", "rate limits (429)"}, {record.Challenged, "challenge", "challenge"}, {record.Forbidden, "waf", "firewall and bans (403)"}} {
		own := column(all, func(s *record.Second) float64 { return float64(s.Attack[stage.outcome]) })
		above := make([]float64, len(all))
		for i := range above {
			above[i] = below[i] + own[i]
		}
		p.Curves = append(p.Curves, plot.Filled(stage.class, stage.name, plot.Area(r.x(), y, middle, below, above)))
		heads, columns, below = append(heads, stage.name), append(columns, own), above
	}
	p.Table = r.sampled("Stopped a second", heads, columns, "")
	return p
}

func topOf(run *record.Run) int {
	top := -1
	for _, s := range run.Shops {
		top = max(top, s.Top())
	}
	return top
}

// plotLevel is the highest level of the shops.
func (r *Report) plotLevel(run *record.Run) *plot.Plot {
	levels := make([]int64, r.length())
	for _, s := range run.Shops {
		for i := range min(len(levels), len(s.Seconds)) {
			levels[i] = max(levels[i], int64(s.Seconds[i].Level))
		}
	}
	y := plot.Y(4)
	values := make([]float64, len(levels))
	for i, l := range levels {
		values[i] = float64(l)
	}
	return &plot.Plot{
		ID: "level", Title: "The level", Unit: "the highest of all shops, " + run.World, Y: y.Values(4, ""),
		Curves: []plot.Curve{plot.Line("level", "level", plot.Stairs(r.x(), y, func(i int) float64 { return float64(i) }, levels))},
		Desc:   fmt.Sprintf("At most %d.", topOf(run)),
		Table:  r.sampled("The level", []string{"Level"}, [][]float64{values}, ""),
	}
}
