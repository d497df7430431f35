package hint_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/theriac-edge/theriac/hint"
)

func TestOf(t *testing.T) {
	missing := hint.New(fs.ErrNotExist, "scrubd check")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no error":          {nil, ""},
		"no hint":           {fs.ErrNotExist, ""},
		"a hint":            {missing, "scrubd check"},
		"wrapped":           {fmt.Errorf("starting: %w", missing), "scrubd check"},
		"the outermost":     {hint.Errorf("run it as root", "starting: %w", missing), "run it as root"},
		"one of two joined": {errors.Join(fs.ErrClosed, missing), "scrubd check"},
	} {
		if got := hint.Of(c.err); got != c.want {
			t.Errorf("%s: hint %q, want %q", name, got, c.want)
		}
	}
	if !errors.Is(missing, fs.ErrNotExist) {
		t.Error("the hint hides the error that it is about")
	}
}

func ExampleErrorf() {
	err := hint.Errorf("systemctl start scrubd", "asking scrubd: %w", fs.ErrNotExist)
	fmt.Println(err)
	fmt.Println("  try:", hint.Of(err))
	// Output:
	// asking scrubd: file does not exist
	//   try: systemctl start scrubd
}
