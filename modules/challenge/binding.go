package challenge

import (
	"hash/maphash"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
)

// bindings remembers the bindings of the browsers that are met most. Their names are long, and
// few: hashing one again costs a tenth of what a pass does.
type bindings [256]atomic.Pointer[bound]

type bound struct {
	keys    *pow.Keys
	agent   string
	binding uint64
}

// longestAgent is how long a name may be that is kept, in bytes.
const longestAgent = 300

var agentSeed = maphash.MakeSeed()

// binding is what ties tokens to this shop and the visitor's browser.
func (h *Handler) binding(r *http.Request) uint64 { return h.bindingOf(h.keys(), r) }

func (h *Handler) bindingOf(keys *pow.Keys, r *http.Request) uint64 {
	agent := agentOf(r)
	entry := &h.bindings[maphash.String(agentSeed, agent)%uint64(len(h.bindings))]
	if known := entry.Load(); known != nil && known.keys == keys && known.agent == agent {
		return known.binding
	}
	binding := keys.Binding(string(h.Shop), agent)
	if len(agent) <= longestAgent {
		entry.Store(&bound{keys, strings.Clone(agent), binding})
	}
	return binding
}

// isBound reports whether a token that keys has opened is this visitor's own, and counts one of
// an older secret as what it is, unless that is empty. Such a token gets the binding that a new
// one would have, since it is renewed, or exchanged for another.
func (h *Handler) isBound(keys *pow.Keys, secret int, binding *uint64, r *http.Request, what string) bool {
	if secret == 0 {
		return *binding == h.bindingOf(keys, r)
	}
	if *binding != keys.BindingBy(secret, string(h.Shop), agentOf(r)) {
		return false
	}
	if what != "" {
		shield.CountOlder(what)
	}
	*binding = h.bindingOf(keys, r)
	return true
}

func agentOf(r *http.Request) string {
	if values := r.Header["User-Agent"]; len(values) > 0 {
		return values[0]
	}
	return ""
}
