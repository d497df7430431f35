// Package modules holds the Caddy modules of Theriac and the order in which a request
// passes them. Importing it adds all of them to a Caddy binary. What a stage does, what
// it costs and how it fails is documented in its own package.
package modules

import (
	_ "github.com/theriac-edge/theriac/modules/backend" // shop_backend
	_ "github.com/theriac-edge/theriac/modules/certs"   // storage shield
	"github.com/theriac-edge/theriac/modules/challenge"
	_ "github.com/theriac-edge/theriac/modules/gate"   // shop_gate
	_ "github.com/theriac-edge/theriac/modules/health" // shop_health
	"github.com/theriac-edge/theriac/modules/limit"
	_ "github.com/theriac-edge/theriac/modules/refusal" // shop_refusal
	"github.com/theriac-edge/theriac/modules/shield/chain"
	_ "github.com/theriac-edge/theriac/modules/shieldctl" // admin API and commands
	"github.com/theriac-edge/theriac/modules/visit"
	"github.com/theriac-edge/theriac/modules/waf"
)

// order is the path of a request, the cheapest refusal first. No stage depends on which
// stages come before or after it.
var order = []chain.Stage{
	visit.Stage,
	limit.Stage,
	challenge.Stage,
	limit.SiteWide,
	waf.Stage,
}

func init() {
	chain.SetOrder(order...)
}
