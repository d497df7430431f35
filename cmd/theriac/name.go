package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.CustomBinaryName = "theriac" // in usage and help
	build, _ := debug.ReadBuildInfo()
	caddy.CustomVersion = "Theriac " + versionOf(build) + ", Caddy" // Caddy's own follows
}

// versionOf returns the version of a build: a tag, or the commit that it was made of.
func versionOf(build *debug.BuildInfo) string {
	if build == nil || build.Main.Version == "" {
		return "(unknown)"
	}
	return build.Main.Version
}

func exitIfRefused() {
	if err := refuse(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// refuse returns an error for those of Caddy's commands that replace the binary by one from
// Caddy's download server, which has no Theriac.
func refuse(args []string) error {
	if len(args) < 2 {
		return nil
	}
	switch args[1] {
	case "upgrade", "add-package", "remove-package":
		return fmt.Errorf("theriac %s: Caddy's download server has no Theriac\n  try: build the new version, `theriac validate` the configuration with it, then replace the binary and restart", args[1])
	}
	return nil
}
