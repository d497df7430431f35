package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// Live shows how a run goes: a table that is drawn again each second on a terminal,
// one line per wave elsewhere.
type Live struct {
	out      io.Writer
	terminal bool
	scenario *scenario.Scenario
	pulses   []scenario.Wave

	mu    sync.Mutex
	last  *record.Recorder
	drawn int // lines of the table that are on the terminal
	told  map[int]bool
}

// NewLive begins to show the run in a world.
func NewLive(out io.Writer, s *scenario.Scenario, world string) *Live {
	l := &Live{out: out, scenario: s, pulses: s.Schedule().Pulses, told: make(map[int]bool)}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		l.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	fmt.Fprintf(out, "%s against %s: %s, %s\n", s.Name, world, s.For, plural(len(l.pulses), "wave"))
	return l
}

// Show shows the moment; it is called each second.
func (l *Live) Show(r *record.Recorder, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = r
	l.tell(at - settled)
	if l.terminal {
		l.table(r, at)
	}
}

// settled is how long after a second all of its requests have been answered, or never
// will be.
const settled = 6 * time.Second

// tell writes the lines of the waves that were over by then.
func (l *Live) tell(by time.Duration) {
	for i, w := range l.pulses {
		if !l.told[i] && (w.At+w.For).D() <= by && l.last != nil {
			l.told[i] = true
			l.line(l.last, &w)
		}
	}
}

// line is one wave that is over.
func (l *Live) line(r *record.Recorder, w *scenario.Wave) {
	var sum record.Second
	for _, shop := range w.Shops {
		for _, s := range r.Between(shop, w.At.D(), (w.At + w.For).D()) {
			sum.Add(&s)
		}
	}
	l.clear()
	fmt.Fprintf(l.out, "  %5s  %-14s %-12s %6d sent, %3.0f%% stopped; customers: %s of %d pages good\n",
		w.At, clip(w.Name, 14), w.Vector, sum.Sent(), 100*share(sum.Stopped(), sum.Sent()), whole(sum.Good, sum.Pages), sum.Pages)
}

// table is the last second of each shop.
func (l *Live) table(r *record.Recorder, at time.Duration) {
	l.clear()
	var text strings.Builder
	fmt.Fprintf(&text, "  %5s  %-10s %9s %9s %9s %9s %6s\n", at, "shop", "attack/s", "stopped", "pages/s", "good", "level")
	for _, p := range l.scenario.Shops {
		var s record.Second
		level := "-"
		for _, one := range r.Between(p.Name, at-2*time.Second, at-time.Second) {
			s = one
		}
		if s.Level >= 0 {
			level = fmt.Sprint(s.Level)
		}
		fmt.Fprintf(&text, "         %-10s %9d %9d %9d %9d %6s\n", clip(p.Name, 10), s.Sent(), s.Stopped(), s.Pages, s.Good, level)
	}
	l.drawn = strings.Count(text.String(), "\n")
	io.WriteString(l.out, text.String())
}

// clear removes the table from the terminal.
func (l *Live) clear() {
	if l.drawn > 0 {
		fmt.Fprintf(l.out, "\x1b[%dA\x1b[J", l.drawn)
		l.drawn = 0
	}
}

// End writes the lines that are left, and removes what is only for the moment.
func (l *Live) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	l.tell(l.scenario.For.D())
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func clip(text string, most int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), most)])
}

func share(part, all int) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}

// whole writes a share of a count as a percentage, and - for none.
func whole(part, all int) string {
	if all == 0 {
		return "-"
	}
	return record.Percent(share(part, all))
}
