package life

import (
	"fmt"
	"runtime/debug"
)

// DefaultMemory is how many bytes the counts may take by default.
const DefaultMemory = 64 << 20

// minMemory holds some 10,000 clients.
const minMemory = 1 << 20

// FitMemory returns how many bytes the counts get: no more than leaves half of the process's
// memory, which is limit, to everything else. Near its limit a Go process collects garbage all
// the time. Caddy sets that limit from the container or the machine.
func FitMemory(asked int64) (fits, limit int64, err error) {
	if asked < minMemory {
		return 0, 0, fmt.Errorf("invalid memory of %d bytes: want at least %d", asked, minMemory)
	}
	limit = debug.SetMemoryLimit(-1)
	return min(asked, max(minMemory, limit/2)), limit, nil
}
