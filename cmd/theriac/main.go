// Command theriac is the edge: Caddy with its standard modules and ours. `theriac run`
// serves a configuration; `theriac demo` tries it out with two demo shops.
//
// xcaddy.json lists the same modules for xcaddy; a test compares the two.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/theriac-edge/theriac/modules"
)

func main() {
	exitIfRefused()
	caddycmd.Main()
}
