// Command scrubd loads and keeps the dataplane of package scrub on one host, and
// is the only program there that may.
//
// It runs beside the edges: they push bans to it over a unix socket, and operators
// command it over the same. The daemon itself is in scrubd/daemon; here are its
// commands and what they print. A command that does not reach the daemon says what
// to try, and has an exit code of its own.
package main
