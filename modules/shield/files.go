package shield

import (
	"github.com/theriac-edge/theriac/counters"
)

// Files returns where the edges keep small files together; nil without redis.
func (a *App) Files() *counters.Files { return a.runtime.files }

// Connect connects the shared store, if there is one. That is done anyway when the configuration
// comes into force; storage is asked before.
func (a *App) Connect() {
	if a.runtime.connect != nil {
		a.runtime.connect()
	}
}

// Derive returns a key of 32 bytes of each secret in force, for what the label says. The first
// seals. Do not keep them: another secret makes others.
func (a *App) Derive(label string) [][]byte {
	if a.runtime.owner.Load() == nil && a.secrets != nil {
		return a.secrets.Derive(label) // no configuration is in force yet
	}
	return a.runtime.secrets.Load().Derive(label)
}
