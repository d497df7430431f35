package scrub

import "errors"

// FieldError is an error of one setting of a policy. Its text is that of the error
// alone, so that its caller can name the position in its own way: a line of a
// file, a path in JSON.
type FieldError struct {
	Path []any // of the setting, from the outside: keys (string) and indices (int)
	Err  error
}

// Error is the text of the error, without the path.
func (e *FieldError) Error() string { return e.Err.Error() }

// Unwrap returns the error that the path is of.
func (e *FieldError) Unwrap() error { return e.Err }

// At says which setting an error is of. The path is relative to what the caller
// validates; another At further up adds what leads there.
func At(err error, path ...any) error { return &FieldError{path, err} }

// Path returns the whole path of the setting that an error is of, or nil if it is
// of no single one.
func Path(err error) (path []any) {
	for {
		at, ok := errors.AsType[*FieldError](err)
		if !ok {
			return path
		}
		path, err = append(path, at.Path...), at.Err
	}
}
