package incident

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/theriac-edge/theriac/watch"
)

// Stopped is what each control stopped.
type Stopped [watch.Controls]int64

// Total is what all of them stopped.
func (s Stopped) Total() (total int64) {
	for _, n := range s {
		total += n
	}
	return total
}

// MarshalJSON writes an object by the controls' names, in the order in which a request meets
// them; controls that stopped nothing are left out.
func (s Stopped) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for c, n := range s {
		if n == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%q:%d", watch.Control(c), n)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads such an object. It ignores controls that a newer edge knows.
func (s *Stopped) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	var byName map[string]int64
	if err := json.Unmarshal(data, &byName); err != nil {
		return err
	}
	*s = Stopped{}
	for c := range s {
		s[c] = byName[watch.Control(c).String()]
	}
	return nil
}
