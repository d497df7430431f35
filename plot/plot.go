// Package plot writes reports: documents of text, tables and plots, as HTML or Markdown.
// Plots are SVG that takes its colors from the page's style, in light, dark and print. A
// page holds no script and nothing to fetch, and satisfies the policy default-src 'none';
// style-src 'unsafe-inline'.
//
// It stands behind incident/report and drill/report, which say what is in theirs. Each
// plot has a title, a description and a table of its figures for readers that do not see
// it. Colors are classes of the style in plot.html: a library for charts would write
// them into each element.
package plot

import (
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// A Plot as the template "plot" draws it.
type Plot struct {
	ID, Title, Desc, Unit string
	X, Y                  []Grid
	Axis                  string // what the labels of the x axis are, such as UTC
	Zone                  string // what its second labels are
	Curves                []Curve
	Marks                 []Mark
	Bands                 []Band
	Limit                 string // a dashed line across, and its label
	LimitLabel            string
	Table                 *Table
}

// A Curve is one path and its entry in the legend.
type Curve struct {
	Class, Label, Path string
	Filled             bool
}

// Line is a curve without what lies under it, and Filled one with it.
func Line(class, label, path string) Curve { return Curve{Class: class, Label: label, Path: path} }

// Filled is a curve that Area has drawn.
func Filled(class, label, area string) Curve {
	return Curve{Class: class, Label: label, Path: area, Filled: true}
}

// A Mark is a vertical line.
type Mark struct {
	X, TextX, TextY, Anchor, Label string
}

// A Band is a part of the time: a gap without data, a wave of an attack.
type Band struct{ Class, X, Width string }

// A Table has a row of heads; the first cell of each row is its head.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
	Words bool // the last cells are long
}

// Figure writes a number as people read it: 2,140, 13 or 0.4.
func Figure(v float64) string {
	if v < 9.95 {
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	}
	return humanize.Comma(int64(math.Round(v)))
}
