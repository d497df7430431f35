package scrub

import "github.com/theriac-edge/theriac/scrub/pinset"

// DefaultPins is the directory of pins of a host's only scrubber.
const DefaultPins = pinset.BPFFS + "/theriac"
