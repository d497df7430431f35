package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
	"github.com/theriac-edge/theriac/shop"
)

// Figure writes a number as people read it: 2,140, 13 or 0.4.
func Figure(v float64) string { return plot.Figure(v) }

// Count writes a number of things.
func Count(n int64) string { return Figure(float64(n)) }

// Percent writes a share; all is only what is all.
func Percent(share float64) string {
	p := math.Floor(share*1000) / 10
	return strconv.FormatFloat(p, 'f', -1, 64) + " %"
}

// Span writes seconds as people read them.
func Span(seconds int64) string {
	switch {
	case seconds < 120:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 7200 && seconds%60 == 0:
		return fmt.Sprintf("%d min", seconds/60)
	case seconds < 7200:
		return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d h %d min", seconds/3600, seconds%3600/60)
}

func spanOr(seconds *int64, none string) string {
	if seconds == nil {
		return none
	}
	return Span(*seconds)
}

// spanBetween writes how long after one time another is.
func spanBetween(from, to time.Time) string { return Span(int64(to.Sub(from) / time.Second)) }

// lastedOf is how many seconds a vector was seen.
func lastedOf(v *incident.Vector) *int64 { return new(int64(v.LastHeat.Sub(v.Onset) / time.Second)) }

func upper(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[n:]
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// clock writes the time of the day in UTC and where the host is.
func (w *writer) clock(t time.Time) string {
	text := t.UTC().Format("15:04:05 UTC")
	if w.zone != time.UTC {
		text += t.In(w.zone).Format(" (15:04:05 MST)")
	}
	return text
}

// moment writes a time with its date, and - for none.
func (w *writer) moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 ") + w.clock(t)
}

// sameDay writes a time without its date, if that is the one of the onset.
func (w *writer) sameDay(t time.Time) string {
	if t.UTC().Format(time.DateOnly) == w.rec.Onset.UTC().Format(time.DateOnly) {
		return w.clock(t)
	}
	return w.moment(t)
}

// nameOf is the shop's name and ID, or the tier.
func (w *writer) nameOf(id shop.ID) string {
	if id == "" {
		return "all shops"
	}
	if name := strings.TrimSpace(w.names[id]); name != "" && name != string(id) {
		return name + " (" + string(id) + ")"
	}
	return string(id)
}

// arrivals is what the attack consists of.
func (w *writer) arrivals() string {
	if w.rec.IsTier() {
		return "packets and connections"
	}
	return "strangers' requests"
}

// mitigated says what there is to say of the time to mitigate.
func mitigated(l *incident.Line, v *incident.Vector) string {
	switch {
	case l.Mitigate == nil && l.Result == incident.StillOpen:
		return "customers are not served well yet, or too few came"
	case l.Mitigate == nil && v.Judged == 0:
		return "not measurable: too few customers"
	case l.Mitigate == nil:
		return "customers were not served well again"
	case *l.Mitigate == 0:
		return "customers never fell below 95 %"
	case v.Effective.After(v.LastHeat):
		return "customers were served well only after the attack had ended"
	}
	return "until customers were served well again"
}
