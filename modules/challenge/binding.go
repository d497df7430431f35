package challenge

import (
	"hash/maphash"
	"net/http"
	"strings"
	"sync/atomic"
)

// bindings remembers the bindings of the browsers that are met most. Their names are long, and
// few: hashing one again costs a tenth of what a pass does.
type bindings [256]atomic.Pointer[bound]

type bound struct {
	agent   string
	binding uint64
}

// longestAgent is how long a name may be that is kept, in bytes.
const longestAgent = 300

var agentSeed = maphash.MakeSeed()

// binding is what ties tokens to this shop and the visitor's browser.
func (h *Handler) binding(r *http.Request) uint64 {
	agent := ""
	if values := r.Header["User-Agent"]; len(values) > 0 {
		agent = values[0]
	}
	entry := &h.bindings[maphash.String(agentSeed, agent)%uint64(len(h.bindings))]
	if known := entry.Load(); known != nil && known.agent == agent {
		return known.binding
	}
	binding := h.keys.Binding(string(h.Shop), agent)
	if len(agent) <= longestAgent {
		entry.Store(&bound{strings.Clone(agent), binding})
	}
	return binding
}
