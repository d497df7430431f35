package shield

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// Incidents configures what is kept of attacks.
type Incidents struct {
	// A directory of this edge to which incidents and the ledger are written, as JSON lines,
	// a file each month. Default: they are in the shared store only.
	Journal string `json:"journal,omitempty"`

	// How long the shared store keeps incidents that are over. Default, and at most: 90 days.
	Keep caddy.Duration `json:"keep,omitempty"`

	// What was promised, by kind of attack: `packets` (packets and handshakes), `floods` (of
	// requests) and `slow` (below 50 requests a second). Default: floods are detected in
	// 3 s and mitigated in 10 s, slow ones in 60 s and 60 s, packets in 3 s and 0 s.
	Targets map[string]Target `json:"targets,omitempty"`
}

// Target is what was promised for a kind of attack, from its onset on.
type Target struct {
	// Until it is detected.
	Detect caddy.Duration `json:"detect"`

	// Until customers are served well again.
	Mitigate caddy.Duration `json:"mitigate"`
}

// targetGroups are the kinds of attack that have targets.
var targetGroups = []string{incident.Prepared: "packets", incident.Floods: "floods", incident.Slow: "slow"}

// validate refuses what cannot be meant, and a journal that is not there.
func (i *Incidents) validate() error {
	if i.Keep < 0 || time.Duration(i.Keep) > incidents.MaxKeep {
		return fmt.Errorf("invalid keep %s of incidents: want at most 90d", time.Duration(i.Keep))
	}
	if i.Journal != "" {
		if info, err := os.Stat(i.Journal); err != nil || !info.IsDir() {
			return hint.Errorf("make it, owned by the user that the edge runs as", "the journal of incidents: %s is not a directory", i.Journal)
		}
	}
	return i.checkTargets()
}

func (i *Incidents) checkTargets() error {
	for group := range i.Targets {
		if !slices.Contains(targetGroups, group) {
			return fmt.Errorf("invalid target for %q: want %s", group, strings.Join(targetGroups, ", "))
		}
	}
	return i.targets().Check()
}

// targets are those that were promised, and else the defaults.
func (i *Incidents) targets() incident.Targets {
	all := incident.DefaultTargets()
	for group, t := range i.Targets {
		if n := slices.Index(targetGroups, group); n >= 0 {
			all[n] = incident.Target{Detect: time.Duration(t.Detect), Effective: time.Duration(t.Mitigate)}
		}
	}
	return all
}

// Attacks are what the edges have recorded of them.
func (a *App) Attacks() *incidents.Keeper { return a.runtime.keeper }

// newKeeper makes what records attacks.
func (rt *runtime) newKeeper(node string) *incidents.Keeper {
	return incidents.New(incidents.Options{
		Store: rt.store, Node: node, Log: rt.log,
		Settings: func() (s incidents.Settings) {
			s.Targets = incident.DefaultTargets()
			rt.tell(func(a *App) {
				s = incidents.Settings{Journal: a.Incidents.Journal, Keep: time.Duration(a.Incidents.Keep), Targets: a.Incidents.targets()}
			})
			return s
		},
		Alert: func(e alert.Event) { rt.tell(func(a *App) { a.Alert(e) }) },
		ShopName: func(id shop.ID) (name string) {
			rt.tell(func(a *App) { name = a.Contact(id).Name })
			return name
		},
	})
}

// recorder records what the watch sees, and each change of a level.
type recorder struct {
	*incidents.Keeper
	changes *levelChanges
}

// Step takes in a second.
func (r recorder) Step(s *incidents.Second) {
	s.Levels = r.changes.take()
	r.Keeper.Step(s)
}

// log is that of the configuration in force.
func (rt *runtime) log() (log *zap.Logger) {
	log = zap.NewNop()
	rt.tell(func(a *App) { log = a.log })
	return log
}

// levelChanges are those that are not recorded yet.
type levelChanges struct {
	mu  sync.Mutex
	all []incident.LevelChange
}

// mostChanges bounds what comes in a second: each shop changes a few times at the most.
const mostChanges = 4096

func (c *levelChanges) add(at time.Time, change levels.Change, by levels.Source, why string) {
	name := string(by)
	if by == levels.ByPeople && change.Is.Pin != nil && change.Is.Pin.Who != "" {
		name = change.Is.Pin.Who
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) < mostChanges {
		c.all = append(c.all, incident.LevelChange{
			At: at, Shop: change.ID, From: int(change.Was.Level), To: int(change.Is.Level), By: name, Why: why,
		})
	}
}

func (c *levelChanges) take() []incident.LevelChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}
