package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/reference"
)

// TestReference holds docs/operations/cli.md to the commands.
func TestReference(t *testing.T) { reference.Check(t, "anycastd", rootCommand()) }

func TestExampleConfigurationIsValid(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"check", "--config", "anycastd.example.yaml"}, &out, &errs); code != 0 {
		t.Fatalf("%s", &errs)
	}
	if want := "fra1 is one of 3 edges, of which 1 stay announced"; !strings.Contains(out.String(), want) {
		t.Errorf("printed is %q; want %q", &out, want)
	}
}

func TestErrorsSayWhatToTry(t *testing.T) {
	raw, err := os.ReadFile("anycastd.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	secret, config := filepath.Join(dir, "secret"), filepath.Join(dir, "anycastd.yaml")
	text := strings.ReplaceAll(string(raw), "/etc/theriac/anycast.secret", secret)
	for name, content := range map[string]string{secret: "short", config: text} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"run", "--config", config}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "  try: openssl rand") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
	if code := run(t.Context(), []string{"version"}, &out, &errs); code != 0 || !strings.HasPrefix(out.String(), "anycastd ") {
		t.Errorf("exit code %d, %s", code, &out)
	}
}
