//go:build linux

package main

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/scrub/pinset"
)

// report is how scrubd and its dataplane are.
type report struct {
	Version    string       `json:"version"`
	Boot       string       `json:"boot"`
	Since      time.Time    `json:"since"`
	Policy     policyReport `json:"policy"`
	Attached   []attachment `json:"attached"`
	Privileges privileges   `json:"privileges"`
	Sysctls    []sysctl     `json:"sysctls"`
	Tunnels    []wayReport  `json:"tunnels,omitempty"`

	Denied  map[string]int `json:"denied"` // entries by owner
	Allowed int            `json:"allowed"`
	Edges   []edgeReport   `json:"edges"`

	SamplesLost uint64 `json:"samples_lost"`
	Flows       []flow `json:"flows"`
}

// attachment is an interface as it was attached, and whether it still is.
type attachment struct {
	pinset.Attachment
	Gone bool `json:"gone,omitempty"`
}

// policyReport is which policies are in force.
type policyReport struct {
	Path    string    `json:"path"`
	Since   time.Time `json:"since"`
	Reloads int       `json:"reloads"`
	Refused string    `json:"refused,omitempty"` // why the newest file is not in force
}

// edgeReport is who passes verdicts.
type edgeReport struct {
	Name   string    `json:"name"`
	User   string    `json:"user"`
	Claims int       `json:"claims"`
	Asked  time.Time `json:"asked"` // when it was last heard of
}

func (d *daemon) report(now time.Time) (r report, err error) {
	r = report{
		Version: version(), Boot: d.desk.boot, Since: d.since, Policy: d.policy(),
		Privileges: ownPrivileges(), Sysctls: d.sysctls, SamplesLost: d.samples.lost.Load(), Edges: d.desk.edgeReports(),
		Tunnels: d.ways.reports(),
	}
	live := d.plane.Attached()
	for _, a := range d.attached {
		r.Attached = append(r.Attached, attachment{a, !slices.Contains(live, a.Interface)})
	}
	r.Denied, _ = d.desk.count()
	allowed, err := d.plane.Allowed()
	if err != nil {
		return r, err
	}
	r.Allowed = len(allowed)
	r.Flows, err = d.survey.flows(now)
	return r, err
}

// edgeReports lists the edges, sorted.
func (d *desk) edgeReports() []edgeReport {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []edgeReport{}
	for id, e := range d.edges {
		all = append(all, edgeReport{Name: id.name, User: peer{uid: id.uid}.name(), Claims: len(e.claims), Asked: e.asked})
	}
	slices.SortFunc(all, func(a, b edgeReport) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.User, b.User))
	})
	return all
}

// version is that of the build.
func version() string {
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
