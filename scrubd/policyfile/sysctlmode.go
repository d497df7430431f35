package policyfile

import "fmt"

// SysctlMode says whether scrubd sets the sysctls that it depends on.
type SysctlMode uint8

// The modes.
const (
	SetSysctls   SysctlMode = iota // set those that are wrong
	CheckSysctls                   // refuse to start if one is wrong
)

// String returns the mode as it is written in a file.
func (m SysctlMode) String() string {
	if m == CheckSysctls {
		return "check"
	}
	return "set"
}

// MarshalText writes the mode as UnmarshalText reads it.
func (m SysctlMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads set or check.
func (m *SysctlMode) UnmarshalText(text []byte) error {
	switch string(text) {
	case "set":
		*m = SetSysctls
	case "check":
		*m = CheckSysctls
	default:
		return fmt.Errorf("sysctls is %q: want set or check", text)
	}
	return nil
}
