package main

import "github.com/caddyserver/caddy/v2"

func init() {
	caddy.CustomBinaryName = "theriac" // in usage and help
}
