package plot

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The size of a plot, in the units of its view box.
const (
	Width, Height = 720, 248
	Left, Right   = 58, 694
	Top, Bottom   = 58, 208
)

// A Scale maps values to where they are in a plot.
type Scale struct{ Min, Max, From, To float64 }

func (s Scale) Of(v float64) float64 {
	if s.Max == s.Min {
		return s.From
	}
	return s.From + (v-s.Min)/(s.Max-s.Min)*(s.To-s.From)
}

// X is the scale of a time in seconds, and Y that of values from zero.
func X(seconds int) Scale { return Scale{0, float64(seconds), Left, Right} }

// Y is the scale of values from zero to the top.
func Y(top float64) Scale { return Scale{0, top, Bottom, Top} }

// A Grid is a line of a plot, with its label.
type Grid struct {
	At     string // in the units of the view box
	Label  string
	Second string // another label below it
}

// Coordinate writes a position with a tenth of a unit.
func Coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// Ceiling returns a round number above the highest value, which is not at the very top.
func Ceiling(highest float64) float64 {
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

// Values returns the lines of the y axis, from zero to the top in so many steps.
func (s Scale) Values(steps int, unit string) (lines []Grid) {
	for i := range steps + 1 {
		v := s.Max * float64(i) / float64(steps)
		lines = append(lines, Grid{At: Coordinate(s.Of(v)), Label: short(v) + unit})
	}
	return lines
}

// Times returns the lines of the x axis: whole minutes, tens of seconds or what fits.
func (s Scale) Times(from time.Time, seconds int, zone *time.Location) (lines []Grid) {
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
		line := Grid{At: Coordinate(s.Of(float64(at - from.Unix()))), Label: t.UTC().Format(layout)}
		if zone != time.UTC {
			line.Second = t.In(zone).Format(layout)
		}
		lines = append(lines, line)
	}
	return lines
}

// Seconds returns the lines of an x axis that counts from the begin.
func (s Scale) Seconds(seconds int) (lines []Grid) {
	step := 60
	for _, d := range []int{1, 2, 5, 10, 20, 30} {
		if seconds <= 10*d {
			step = d
			break
		}
	}
	for at := 0; at <= seconds; at += step {
		lines = append(lines, Grid{At: Coordinate(s.Of(float64(at))), Label: strconv.Itoa(at) + " s"})
	}
	return lines
}

// Path draws values as a line; it is broken where a value is negative, and has only the points
// at which it changes.
func Path(x, y Scale, at func(i int) float64, values []float64) string {
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
		d.WriteString(command + Coordinate(x.Of(at(i))) + " " + Coordinate(y.Of(v)))
	}
	return strings.TrimSpace(d.String())
}

// Area draws what is between two lines; like the upper one, it is broken where that is negative.
func Area(x, y Scale, at func(i int) float64, lower, upper []float64) string {
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
		d.WriteString(Path(x, y, part, upper[from:to]))
		for i := to - 1; i >= from; i-- {
			if i > from && i+1 < to && lower[i] == lower[i-1] && lower[i] == lower[i+1] {
				continue
			}
			d.WriteString(" L" + Coordinate(x.Of(at(i))) + " " + Coordinate(y.Of(max(0, lower[i]))))
		}
		d.WriteString(" Z")
		from = to
	}
	return d.String()
}

// Stairs draws values that hold from one step to the next.
func Stairs(x, y Scale, at func(i int) float64, values []int64) string {
	var d strings.Builder
	for i, v := range values {
		switch {
		case i == 0:
			d.WriteString("M" + Coordinate(x.Of(at(0))) + " " + Coordinate(y.Of(float64(v))))
		case v != values[i-1]:
			d.WriteString(" H" + Coordinate(x.Of(at(i))) + " V" + Coordinate(y.Of(float64(v))))
		}
	}
	return d.String() + " H" + Coordinate(x.To)
}
