package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The size of a plot, in the units of its view box.
const (
	plotWidth, plotHeight = 720, 248
	plotLeft, plotRight   = 58, 694
	plotTop, plotBottom   = 58, 208
)

// A scale maps values to where they are in a plot.
type scale struct{ min, max, from, to float64 }

func (s scale) of(v float64) float64 {
	if s.max == s.min {
		return s.from
	}
	return s.from + (v-s.min)/(s.max-s.min)*(s.to-s.from)
}

// A grid line of a plot, with its label.
type grid struct {
	At     string // in the units of the view box
	Label  string
	Second string // another label below it
}

// coordinate writes a position with a tenth of a unit.
func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// ceiling returns a round number above the highest value, which is not at the very top.
func ceiling(highest float64) float64 {
	if highest *= 1.04; highest <= 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, m := range []float64{1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8} {
		if highest <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// short writes a large number so that it fits beside the axis.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return Figure(v/1e6) + " M"
	case v >= 1e5:
		return Figure(v/1e3) + " k"
	}
	return Figure(v)
}

// values returns the lines of the y axis, from zero to the top in so many steps.
func (s scale) values(steps int, unit string) (lines []grid) {
	for i := range steps + 1 {
		v := s.max * float64(i) / float64(steps)
		lines = append(lines, grid{At: coordinate(s.of(v)), Label: short(v) + unit})
	}
	return lines
}

// times returns the lines of the x axis: whole minutes, tens of seconds or what fits.
func (s scale) times(from time.Time, seconds int, zone *time.Location) (lines []grid) {
	const day = 86400
	step := (seconds/day/8 + 1) * day
	for _, d := range []int{5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, day / 2} {
		if seconds <= 8*d {
			step = d
			break
		}
	}
	layout := "15:04"
	switch {
	case step < 60:
		layout = "15:04:05"
	case step >= day:
		layout = "2 Jan"
	}
	first := (from.Unix() + int64(step) - 1) / int64(step) * int64(step)
	for at := first; at < from.Unix()+int64(seconds); at += int64(step) {
		t := time.Unix(at, 0)
		line := grid{At: coordinate(s.of(float64(at - from.Unix()))), Label: t.UTC().Format(layout)}
		if zone != time.UTC {
			line.Second = t.In(zone).Format(layout)
		}
		lines = append(lines, line)
	}
	return lines
}

// path draws values as a line; it is broken where a value is negative, and has only the points
// at which it changes.
func path(x, y scale, at func(i int) float64, values []float64) string {
	var d strings.Builder
	open := false
	for i, v := range values {
		if v < 0 {
			open = false
			continue
		}
		flat := open && i+1 < len(values) && values[i+1] == v && values[i-1] == v
		if flat {
			continue
		}
		command := " L"
		if !open {
			command = " M"
		}
		open = true
		d.WriteString(command + coordinate(x.of(at(i))) + " " + coordinate(y.of(v)))
	}
	return strings.TrimSpace(d.String())
}

// area draws what is between two lines; like the upper one, it is broken where that is negative.
func area(x, y scale, at func(i int) float64, lower, upper []float64) string {
	var d strings.Builder
	for from := 0; from < len(upper); {
		if upper[from] < 0 {
			from++
			continue
		}
		to := from
		for to < len(upper) && upper[to] >= 0 {
			to++
		}
		part := func(i int) float64 { return at(from + i) }
		if d.Len() > 0 {
			d.WriteByte(' ')
		}
		d.WriteString(path(x, y, part, upper[from:to]))
		for i := to - 1; i >= from; i-- {
			if i > from && i+1 < to && lower[i] == lower[i-1] && lower[i] == lower[i+1] {
				continue
			}
			d.WriteString(" L" + coordinate(x.of(at(i))) + " " + coordinate(y.of(max(0, lower[i]))))
		}
		d.WriteString(" Z")
		from = to
	}
	return d.String()
}

// stairs draws values that hold from one step to the next.
func stairs(x, y scale, at func(i int) float64, values []int64) string {
	var d strings.Builder
	for i, v := range values {
		switch {
		case i == 0:
			d.WriteString("M" + coordinate(x.of(at(0))) + " " + coordinate(y.of(float64(v))))
		case v != values[i-1]:
			d.WriteString(" H" + coordinate(x.of(at(i))) + " V" + coordinate(y.of(float64(v))))
		}
	}
	return d.String() + " H" + coordinate(x.to)
}
