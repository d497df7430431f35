// Package crs reads the tests that ship with the Core Rule Set.
package crs

import (
	"fmt"
	"io/fs"
	"path"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
)

// Files calls read with the name and the text of each file of the suite, in lexical order.
func Files(t testing.TB, read func(name string, text []byte) error) {
	t.Helper()
	err := fs.WalkDir(tests.FS, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(tests.FS, name)
		if err != nil {
			return err
		}
		if err := read(path.Base(name), text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
