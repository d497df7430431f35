//go:build !linux

package need

import "errors"

// mayLoad says why this process cannot load an XDP program.
func mayLoad() error { return errors.New("this is not Linux") }
