package levels

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Watched is what the watch has decided of a shop. Edges of the release before read and write
// the same form.
type Watched struct {
	Level shop.Level
	Since time.Time // shortly before the attack began; zero below Attack
	until time.Time
}

// String is the value of the entry: "<level> <since, in Unix milliseconds>".
func (w *Watched) String() string {
	ms := int64(0)
	if !w.Since.IsZero() {
		ms = w.Since.UnixMilli()
	}
	return fmt.Sprintf("%d %d", w.Level, ms)
}

func parseWatched(e *counters.Entry) (*Watched, error) {
	level, since, _ := strings.Cut(e.Value, " ")
	l, err := shop.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	ms, err := strconv.ParseInt(since, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("parsing the time of the level: %w", err)
	}
	w := &Watched{Level: l, until: e.Until}
	if ms > 0 {
		w.Since = time.UnixMilli(ms)
	}
	return w, nil
}

// Pin is a level that people have set.
type Pin struct {
	Level   shop.Level `json:"level"`
	AtLeast bool       `json:"at_least,omitempty"` // the watch may go above it
	Since   time.Time  `json:"since,omitzero"`     // see State.Since; zero below Attack
	Who     string     `json:"who,omitempty"`
	Why     string     `json:"why,omitempty"`
	Until   time.Time  `json:"-"` // zero: when somebody ends it
	told    time.Time
}

func (p *Pin) check() error {
	if int(p.Level) >= shop.Levels {
		return fmt.Errorf("invalid level %d", p.Level)
	}
	return errors.Join(checkLine(p.Who), checkLine(p.Why))
}

// Why is why the watch has set a level: names for metrics, and words for people.
type Why struct {
	Reason string `json:"reason"`
	Vector string `json:"vector,omitempty"` // of the attack
	Words  string `json:"words"`
}

// longestReason bounds the name of a reason.
const longestReason = 40

// Check rejects what is not a name and a line.
func (w *Why) Check() error {
	if w.Reason == "" || len(w.Reason) > longestReason || strings.Trim(w.Reason, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return fmt.Errorf("invalid reason %.50q: want a name of at most %d small letters and _", w.Reason, longestReason)
	}
	return errors.Join(checkLine(w.Vector), checkLine(w.Words))
}

// Campaign is that several shops are attacked alike: every shop is at Raised at least.
type Campaign struct {
	Why    string    `json:"why,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Stream string    `json:"stream,omitempty"` // of the requests
	Carpet bool      `json:"carpet,omitempty"` // each shop is flooded with little, and none like the others
	Until  time.Time `json:"-"`
}

// Peak is that people expect more visitors than usual at a shop, from From to To.
type Peak struct {
	From   time.Time `json:"from,omitzero"`
	To     time.Time `json:"to,omitzero"`
	Factor float64   `json:"factor,omitempty"` // how many times as many as usual
	Who    string    `json:"who,omitempty"`
	Why    string    `json:"why,omitempty"`
}

// Bounds of a peak.
const (
	LeastFactor = 1.1
	MostFactor  = 50
	Ahead       = 30 * 24 * time.Hour // how far ahead a peak may end
)

// Check rejects a peak that is over, too far ahead, or out of bounds.
func (p *Peak) Check(now time.Time) error {
	switch {
	case math.IsNaN(p.Factor) || p.Factor < LeastFactor || p.Factor > MostFactor:
		return fmt.Errorf("invalid factor %v: want %v to %v times the usual", p.Factor, LeastFactor, MostFactor)
	case !p.To.After(p.From):
		return errors.New("invalid end: it is not after the beginning")
	case !p.To.After(now):
		return errors.New("invalid end: it is in the past")
	case p.To.After(now.Add(Ahead)):
		return errors.New("invalid end: it is more than 30 days ahead")
	}
	return errors.Join(checkLine(p.Who), checkLine(p.Why))
}

// Covers reports whether the peak is expected at that time.
func (p *Peak) Covers(now time.Time) bool { return !now.Before(p.From) && now.Before(p.To) }

// ParsePeak reads the value of an entry, also of a peak that is over.
func ParsePeak(value string) (*Peak, error) {
	p := new(Peak)
	if err := decode(value, p); err != nil {
		return nil, err
	}
	return p, p.Check(p.From)
}

// ParseWhy reads the value of an entry.
func ParseWhy(value string) (*Why, error) {
	w := new(Why)
	if err := decode(value, w); err != nil {
		return nil, err
	}
	return w, w.Check()
}

func parsePin(e *counters.Entry) (*Pin, error) {
	p := &Pin{Until: e.Until, told: e.Told}
	if err := decode(e.Value, p); err != nil {
		return nil, err
	}
	return p, p.check()
}

func parseCampaign(e *counters.Entry) (*Campaign, error) {
	c := &Campaign{Until: e.Until}
	if err := decode(e.Value, c); err != nil {
		return nil, err
	}
	return c, errors.Join(checkLine(c.Why), checkLine(c.Stream))
}

func decode(value string, into any) error {
	if err := json.Unmarshal([]byte(value), into); err != nil {
		return fmt.Errorf("parsing an entry: %w", err)
	}
	return nil
}

// Encode returns the value of the entry of a Pin, Why, Campaign or Peak.
func Encode(entry any) (string, error) {
	raw, err := json.Marshal(entry)
	return string(raw), err
}

// longestLine bounds texts of people and of the watch.
const longestLine = 512

func checkLine(text string) error {
	if len(text) > longestLine || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("invalid text: want one line of at most %d bytes", longestLine)
	}
	return nil
}
