package shield

import (
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield/life"
	"github.com/theriac-edge/theriac/modules/shield/tally"
)

// defaultGrace is how long requests may take to finish when the process ends.
const defaultGrace = 10 * time.Second

// prepareEnd is called before a configuration is stopped. At a reload it does nothing: the
// next configuration listens already. At the end of the process it drains the edge, and
// lets the requests in work finish before Caddy shuts its servers down. Caddy alone would
// close its listeners first, and then wait for the slowest download without end.
func (a *App) prepareEnd() {
	found, err := a.ctx.AppIfConfigured("http")
	if err != nil || !caddy.Exiting() {
		return
	}
	app := found.(*caddyhttp.App)
	if app.GracePeriod == 0 {
		app.GracePeriod = caddy.Duration(defaultGrace)
	}
	drain, grace := time.Duration(a.Drain), time.Duration(app.GracePeriod)
	a.log.Info("the edge ends: it drains, then requests get time to finish",
		zap.Duration("drain", drain), zap.Duration("grace_period", grace), zap.Int64("in_work", a.runtime.inWork()))
	left, ok := life.Finish(drain, grace, a.runtime.inWork)
	if !ok {
		return // without a gate Caddy waits for them
	}
	if left > 0 {
		a.log.Warn("requests did not finish within grace_period: they are cut off", zap.Int64("requests", left))
	}
	app.GracePeriod = caddy.Duration(min(grace, life.Farewell))
}

// inWork returns how many requests of the shops are not finished. Sessions of WebSockets
// are none.
func (rt *runtime) inWork() (n int64) {
	rt.tallies.Range(func(_, counts any) bool {
		n += counts.(*tally.Tally).InWork()
		return true
	})
	return n
}

// firstStart is over when the first configuration of this process has started.
var firstStart sync.Once

// warnOfNeighbours tells of a second edge on this host, which gets a part of all
// connections and shares no counts, bans or levels unless both have a store.
func (a *App) warnOfNeighbours() {
	firstStart.Do(func() {
		if shared := life.Neighbours(); len(shared) > 0 {
			a.log.Error("another process listens at the same addresses, and gets a part of the connections; "+
				"is a second edge running by mistake? `ss -ltnp` shows both, `systemctl stop` or kill ends one",
				zap.Strings("addresses", shared))
		}
	})
}
