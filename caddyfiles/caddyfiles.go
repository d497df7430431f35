// Package caddyfiles holds the configurations that Theriac ships: demo for
// trying it out, edge and shops/* as the start of a real one.
//
// Each is adapted by a test, so an example here works.
package caddyfiles

import "embed"

// Files are the configurations, by their names.
//
//go:embed *.Caddyfile shops/*.Caddyfile
var Files embed.FS
