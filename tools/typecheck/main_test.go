package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck: a fault is found on the system that has it, in code and in tests.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":            "module example.com/m\n\ngo 1.26.0\n",
		"a.go":              "package m\n\nvar _ int = number\n",
		"a_linux.go":        "package m\n\nconst number = 1\n",
		"a_windows.go":      "package m\n\nconst number = \"one\"\n",
		"a_linux_test.go":   "package m\n\nvar _ = number\n",
		"b/b.go":            "package b\n",
		"b/b_arm64_test.go": "package b\n\nvar _ = missing\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for system, want := range map[string]string{
		"linux/amd64":   "",
		"linux/arm64":   "b_arm64_test.go:3:9: undefined: missing",
		"windows/amd64": "a.go:3:13: cannot use number",
		"darwin/arm64":  "a.go:3:13: undefined: number",
	} {
		complaints, err := check(dir, system)
		if err != nil {
			t.Errorf("%s: %v", system, err)
		}
		if got := strings.Join(complaints, "\n"); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: complaints %q, want %q", system, got, want)
		}
	}
	if _, err := check(dir, "linux"); err == nil {
		t.Error("linux without an architecture passes for a system")
	}
}
