package secret

import (
	"fmt"
	"sync/atomic"
)

// Option is an option with files in it that may change while the edge runs. A secret must not
// need a reload of all shops, and `reload` does nothing where the Caddyfile is the same.
type Option struct {
	// What operators know it by, as in "the secret of the partner erp of loewen".
	Name string

	read func() (value string, err error)
	use  func(value string) error

	value   string // in force
	next    string // was read once: a file may be half written
	trouble atomic.Pointer[error]
}

// Open reads an option for the first time, when any error is fatal. use is called with its
// value now, and each time that the value has changed; it may refuse one.
func Open(name string, read func() (string, error), use func(value string) error) (*Option, error) {
	o := &Option{Name: name, read: read, use: use}
	value, err := read()
	if err == nil {
		err = use(value)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	o.value = value
	return o, nil
}

// State is what has become of an option since it was last looked at.
type State int

// The states. A changed value counts when it was read twice alike.
const (
	Same    State = iota
	Soon          // look again soon: it may be half written
	Taken         // another value is in force, or the one in force is back in the file
	Trouble       // see Trouble: this is new
)

// Look reads the option again. It is for one goroutine.
func (o *Option) Look() State {
	value, err := o.read()
	switch {
	case err != nil:
	case value == o.value:
		o.next = ""
		if o.trouble.Swap(nil) != nil {
			return Taken
		}
		return Same
	case value != o.next:
		o.next = value
		return Soon
	default:
		if err = o.use(value); err == nil {
			o.value, o.next = value, ""
			o.trouble.Store(nil)
			return Taken
		}
	}
	if was := o.trouble.Swap(&err); was != nil && (*was).Error() == err.Error() {
		return Same
	}
	return Trouble
}

// Trouble returns why the option cannot be used as it is now; nil if it can.
func (o *Option) Trouble() error {
	if why := o.trouble.Load(); why != nil {
		return *why
	}
	return nil
}
