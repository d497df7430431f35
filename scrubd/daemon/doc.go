// Package daemon runs scrubd: it brings the dataplane up, serves edges and
// operators over a unix socket, and keeps lists, counts and next hops current. It
// also runs the agent, which does the first of these at a data centre.
//
// It stands below the command, which starts it and prints its answers, and above
// the packages beside it, each of which does one part. A start is all or nothing;
// after it every privilege is dropped. The dataplane goes on without this process:
// a failure here lets no packet through that was dropped before. A policy file that
// is rejected, at a start or a reload, leaves in force what was.
package daemon
