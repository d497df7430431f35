//go:build linux

package daemon

import (
	"runtime/debug"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
)

// Status is the state of scrubd and its dataplane: the answer to GET /status.
type Status struct {
	Version    string               `json:"version"`
	Instance   string               `json:"instance"` // names this start
	Since      time.Time            `json:"since"`
	Policy     PolicyState          `json:"policy"`
	Attached   []Attachment         `json:"attached"`
	Privileges hostcheck.Privileges `json:"privileges"`
	Sysctls    []hostcheck.Sysctl   `json:"sysctls"`
	Tunnels    []TunnelState        `json:"tunnels,omitempty"`
	HandOn     *HandOnState         `json:"hand_on,omitempty"` // nil: the policy file has no ring

	State   StateFile      `json:"state"`
	Denied  map[string]int `json:"denied"` // entries by owner
	Allowed int            `json:"allowed"`
	Edges   []EdgeState    `json:"edges"`
	Acts    []audit.Act    `json:"acts,omitempty"` // the last ones of operators, the newest first; for admins only

	Watchers    int           `json:"watchers"` // of samples
	SamplesLost uint64        `json:"samples_lost"`
	Rates       []TrafficRate `json:"rates"`
}

// Attachment is an interface of the policy file, or one to which the program is
// attached besides. It is attached, and has its name, unless one of these says otherwise.
type Attachment struct {
	pinset.Attachment
	Missing  bool   `json:"missing,omitempty"`  // there is none of that name; it is attached when it appears
	Detached bool   `json:"detached,omitempty"` // another process has removed the program
	Refused  string `json:"refused,omitempty"`  // why it cannot be attached
	Try      string `json:"try,omitempty"`      // what to do about that
	Renamed  string `json:"renamed,omitempty"`  // what it is called now
	Unnamed  bool   `json:"unnamed,omitempty"`  // the policy file does not name it
}

// On reports whether its packets are examined.
func (a Attachment) On() bool { return !a.Missing && !a.Detached && a.Refused == "" }

// PolicyState says which policy file is in force.
type PolicyState struct {
	Path    string    `json:"path"`
	Since   time.Time `json:"since"`
	Reloads int       `json:"reloads"`
	Refused string    `json:"refused,omitempty"` // why the newest file is not in force
}

// StateFile keeps the entries of operators over restarts and boots.
type StateFile struct {
	Path    string `json:"path"`
	Damage  string `json:"damage,omitempty"`  // what was wrong with it at the start
	Unsaved string `json:"unsaved,omitempty"` // why it could not be written
}

// EdgeState is an edge that pushes bans.
type EdgeState struct {
	Name     string    `json:"name"`
	User     string    `json:"user"`
	Bans     int       `json:"bans"`
	LastSeen time.Time `json:"last_seen"`
}

func (d *Daemon) status(now time.Time) (s Status, err error) {
	s = Status{
		Version: Version(), Instance: d.list.Instance(), Since: d.since, Policy: d.policy(),
		Privileges: hostcheck.OwnPrivileges(), Sysctls: d.sysctlsNow(d.current().Config), Watchers: d.samples.watching(), SamplesLost: d.samples.lost.Load(), Edges: []EdgeState{},
		Tunnels: d.nexthops.states(), Attached: d.interfaces.states(),
	}
	for _, e := range d.list.EdgeStates() {
		s.Edges = append(s.Edges, EdgeState{Name: e.Name, User: peersock.Peer{UID: e.UID}.Name(), Bans: e.Bans, LastSeen: e.LastSeen})
	}
	s.State = StateFile{Path: d.stored.path, Damage: d.stored.damage}
	if err := d.list.Unsaved(); err != nil {
		s.State.Unsaved = err.Error()
	}
	s.Denied, _ = d.list.Count()
	if s.HandOn, err = d.handOn(); err != nil {
		return s, err
	}
	allowed, err := d.plane.Allowed()
	if err != nil {
		return s, err
	}
	s.Allowed = len(allowed)
	s.Rates, err = d.rates.current(now)
	return s, err
}

// Version is that of the build.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v
}
