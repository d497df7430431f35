package shield

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/audit"
)

// trail is what operators did to this process, whichever configuration was in force.
var trail audit.Trail

// Record logs an act of an operator, and keeps it for the status.
func (a *App) Record(act audit.Act) {
	act.At, act.Node = time.Now(), a.Node
	trail.Add(act)
	a.runtime.keeper.Acted(act)
	a.log.Sugar().Infow(audit.Message, act.Fields()...)
}

// Acts returns the last acts of operators at this edge, the newest first.
func (a *App) Acts() []audit.Act { return trail.Acts() }

// loads is how configurations come into force.
var loads struct {
	one     sync.Mutex          // one request at a time
	request atomic.Pointer[App] // the app that the present request has brought into force; noApp: none yet
	any     atomic.Bool         // one has come into force since the process started
}

var noApp = new(App)

// Load runs the request of an operator that may bring a configuration into force. It
// returns the app of that configuration; nil if there is none.
func Load(request func() error) (inForce *App, err error) {
	loads.one.Lock()
	defer loads.one.Unlock()
	loads.request.Store(noApp)
	err = request()
	if inForce = loads.request.Swap(nil); inForce == noApp {
		inForce = nil
	}
	return inForce, err
}

// loaded records that this configuration has come into force, unless the caller of
// Load does, or it is the process's first.
func (a *App) loaded() {
	first := !loads.any.Swap(true)
	if !loads.request.CompareAndSwap(noApp, a) && !first {
		a.Record(audit.Act{Act: Reload, Who: audit.Unknown})
	}
}

// Reload is the act of bringing another configuration into force.
const Reload = "reload"
