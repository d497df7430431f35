// Package hostcheck examines whether a host can run the dataplane, prepares what it
// may prepare, and drops privileges afterwards.
//
// It stands below scrubd/daemon, which will not start on a host that fails, and
// the command `scrubd check`, which prints each finding with what to try. Nothing
// here changes a host unless its name says so: SetSysctls of a policy file, and
// MountBPFFS.
package hostcheck
