// Command theriac is the edge: Caddy, its standard modules and ours.
//
// What it is made of stands in xcaddy.json, too, and a test holds the two
// together. `theriac demo` tries it out; `theriac run` is the real thing.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/theriac-edge/theriac/modules"
)

func main() {
	caddycmd.Main()
}
