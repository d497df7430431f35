package shield

import (
	"fmt"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

// Bans configures what happens to clients that ignore refusals, attack again and
// again, or send junk instead of solutions.
type Bans struct {
	// `on` bans them, at all edges; `shadow` counts and logs which ones it would
	// ban; `off` does neither. Manual bans hold with `on` only. Default: on.
	Mode Mode `json:"mode,omitempty"`

	// How many clients may be banned in a minute for what they did at one shop,
	// over all edges, so that bans cannot be used as a weapon. Default: 60.
	MaxPerMinute int `json:"max_per_minute,omitempty"`
}

// Mode is whether a part acts.
type Mode string

// The modes.
const (
	On     Mode = "on"
	Shadow Mode = "shadow" // it decides, and only says what it would do
	Off    Mode = "off"
)

func (m Mode) valid() bool { return m == On || m == Shadow || m == Off }

// defaultMaxPerMinute bans a rented network within minutes, and a mistake of ours costs
// a shop no more than a handful of its customers before an operator looks.
const defaultMaxPerMinute = 60

// UnmarshalJSON reads the settings. For a field that had another name before 1.0
// the error has the new one.
func (b *Bans) UnmarshalJSON(raw []byte) error {
	type plain Bans
	return syntax.UnmarshalStrict(raw, "shield bans", (*plain)(b))
}

func (b *Bans) fillDefaults() {
	if b.Mode == "" {
		b.Mode = On
	}
	if b.MaxPerMinute == 0 {
		b.MaxPerMinute = defaultMaxPerMinute
	}
}

func (b *Bans) validate() error {
	if !b.Mode.valid() {
		return fmt.Errorf("shield: invalid bans %q: want on, shadow or off", b.Mode)
	}
	if b.MaxPerMinute < 1 {
		return fmt.Errorf("shield: invalid max_per_minute %d of bans: want at least 1", b.MaxPerMinute)
	}
	return nil
}

// A ban for all shops is about an address that TCP or QUIC has proven, or that an
// operator named: it holds everywhere, down to the scrubber. One for a single shop
// holds for requests only: an address that a trusted proxy names proves no more.
