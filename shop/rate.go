package shop

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may happen: Events per Per.
type Rate struct {
	Events int64
	Per    time.Duration
}

var rateUnits = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// maxEvents keeps burst × interval from overflowing.
const maxEvents = 10_000_000

// ParseRate parses a rate as operators write it: 20/s, 5/m, 100/10s, 1000/h.
func ParseRate(s string) (Rate, error) {
	count, per, ok := strings.Cut(s, "/")
	if !ok {
		return Rate{}, fmt.Errorf("invalid rate %q: missing unit, want 20/s, 5/m, 100/h or 50/10s", s)
	}
	events, err := strconv.ParseInt(count, 10, 64)
	if err != nil || events < 1 || events > maxEvents {
		return Rate{}, fmt.Errorf("invalid rate %q: want a whole number from 1 to %d before the slash", s, maxEvents)
	}
	d, ok := rateUnits[per]
	if !ok {
		d, err = time.ParseDuration(per)
		if err != nil || d < time.Millisecond || d > 24*time.Hour {
			return Rate{}, fmt.Errorf("invalid rate %q: unrecognized unit %q, want s, m, h, d or a duration from 1ms to 24h", s, per)
		}
	}
	if d/time.Duration(events) < time.Microsecond {
		return Rate{}, fmt.Errorf("invalid rate %q: more than one event per microsecond", s)
	}
	return Rate{Events: events, Per: d}, nil
}

// Interval returns the time between two events at this rate.
func (r Rate) Interval() time.Duration { return r.Per / time.Duration(r.Events) }

func (r Rate) String() string {
	for unit, d := range rateUnits {
		if r.Per == d {
			return fmt.Sprintf("%d/%s", r.Events, unit)
		}
	}
	return fmt.Sprintf("%d/%s", r.Events, r.Per)
}

// MarshalText formats the rate as ParseRate reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRate for JSON.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRate(string(text))
	return err
}

// IsZero reports whether the rate is not set.
func (r Rate) IsZero() bool { return r == Rate{} }
