// Package caddyfiles holds the configurations that Theriac ships: demo for trying it
// out, edge and shops/* as the start of a real one.
//
// A test adapts each of them, so the examples work.
package caddyfiles

import "embed"

// Files are the configurations by name.
//
//go:embed *.Caddyfile shops/*.Caddyfile
var Files embed.FS
