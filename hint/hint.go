// Package hint gives an error the next thing that its reader can try.
//
// The hint is kept beside the error's text, not in it, so that a log line stays
// one line; only a command prints it, on a line of its own. It survives wrapping
// with %w. A hint that is empty is not printed.
package hint

import (
	"errors"
	"fmt"
	"io"
)

// Error is an error and what to try next, such as a command to run.
type Error struct {
	Err error
	Try string // empty: nothing is known that would help
}

// Error is the text of the error, without the hint.
func (e Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that the hint is about.
func (e Error) Unwrap() error { return e.Err }

// New adds a hint to an error. The hint nearest to the caller wins, see Of.
func New(err error, try string) error { return Error{err, try} }

// Errorf is fmt.Errorf with a hint.
func Errorf(try, format string, args ...any) error {
	return Error{fmt.Errorf(format, args...), try}
}

// Of returns the hint of an error, or "" if it has none. Of several in one
// chain it is the outermost: the caller knows best what its reader can do.
func Of(err error) string {
	if e, ok := errors.AsType[Error](err); ok {
		return e.Try
	}
	return ""
}

// Print writes the error of a command, and its hint on a line of its own.
func Print(w io.Writer, command string, err error) {
	fmt.Fprintf(w, "%s: %v\n", command, err)
	if try := Of(err); try != "" {
		fmt.Fprintf(w, "  try: %s\n", try)
	}
}
