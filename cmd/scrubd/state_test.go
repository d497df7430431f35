//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDamagedState: scrubd starts with what can be read of the state file, moves it
// aside, and says so in status.
func TestDamagedState(t *testing.T) {
	h := newHost(t)
	given := filepath.Join(h.dir, "lib")
	if err := os.Mkdir(given, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(given, "state", "lists.json")
	t.Setenv("STATE_DIRECTORY", given)
	h.write("interfaces: [s0]", "  user: nobody\n")
	r := h.startAsUnit()
	h.ask("deny", "add", "203.0.113.9", "--why", "ticket 4711")
	if out := h.ask("status"); strings.Contains(out, "state  ") {
		t.Errorf("of a state that is well, status says\n%s", out)
	}
	h.end(r, syscall.SIGTERM)
	raw, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(raw), "ticket 4711") {
		t.Fatalf("in the StateDirectory there is %q, %v", raw, err)
	}
	if err := os.WriteFile(path, raw[:len(raw)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	r = h.startAsUnit()
	if out := h.ask("status"); !strings.Contains(out, "state     DAMAGED at the start: ") {
		t.Errorf("status says\n%s", out)
	}
	if aside, err := os.ReadFile(path + ".damaged"); err != nil || string(aside) != string(raw[:len(raw)/2]) {
		t.Errorf("moved aside is %q, %v", aside, err)
	}
	if out := h.ask("deny", "add", "203.0.113.10", "--why", "ticket 4712"); strings.Contains(out, "lost") {
		t.Errorf("the new file cannot be written: %s", out)
	}
	h.end(r, syscall.SIGTERM)
	h.startAsUnit()
	if out := h.ask("status"); strings.Contains(out, "DAMAGED") {
		t.Errorf("after another start status says\n%s", out)
	}
	if out := h.ask("deny", "list"); !strings.Contains(out, "ticket 4712") {
		t.Errorf("the entry of the new file is lost:\n%s", out)
	}

	// A disk that is full, or a directory that is not scrubd's.
	if err := os.Chown(filepath.Dir(path), 0, 0); err != nil {
		t.Fatal(err)
	}
	if out := h.ask("deny", "add", "203.0.113.11"); !strings.Contains(out, "will be lost at the next start of scrubd") {
		t.Errorf("a file that cannot be written: %s", out)
	}
	if out := h.ask("status"); !strings.Contains(out, "state     NOT WRITTEN") {
		t.Errorf("status says\n%s", out)
	}
}

// TestAllowForATime: a source that is allowed for a time passes until then, and is then
// dropped again.
func TestAllowForATime(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.start()
	h.ask("deny", "add", clientAddr.String())
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived", got)
	}
	h.ask("allow", "add", clientAddr.String(), "--for", "1h")
	if got := h.send(); got == 0 {
		t.Error("nothing arrives of a source that is allowed")
	}
	if out := h.ask("allow", "add", clientAddr.String(), "--for", "1s"); !strings.Contains(out, "added to the allow list until 20") {
		t.Errorf("it says %s", out)
	}
	if !soon(func() bool { return !strings.Contains(h.ask("allow", "list"), clientAddr.String()) }) {
		t.Error("it is on the list after its end")
	}
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived after the allow entry has ended", got)
	}
}
