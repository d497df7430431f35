package main

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestVersion: it says which Theriac runs, and which Caddy.
func TestVersion(t *testing.T) {
	if _, full := caddy.Version(); !strings.HasPrefix(full, "Theriac ") || !strings.Contains(full, ", Caddy v2.") {
		t.Errorf("got %q", full)
	}
	if got := versionOf(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}); got != "v1.2.3" {
		t.Errorf("got %q", got)
	}
	if got := versionOf(nil); got != "(unknown)" {
		t.Errorf("got %q", got)
	}
}

// TestCommandsThatFetchAnotherBinary are refused, and others are not.
func TestCommandsThatFetchAnotherBinary(t *testing.T) {
	for command, refused := range map[string]bool{"upgrade": true, "add-package": true, "remove-package": true, "run": false, "version": false, "": false} {
		if err := refuse([]string{"theriac", command}); (err != nil) != refused {
			t.Errorf("%s: got %v", command, err)
		}
	}
	if err := refuse([]string{"theriac"}); err != nil {
		t.Errorf("no command: got %v", err)
	}
}
