package tally

import _ "unsafe" // for go:linkname

// core returns which of Go's processors runs the caller, from 0 to GOMAXPROCS-1. A goroutine may
// move on to another one at once: then a count is made in a lane that another core has in its
// cache, which takes longer and is right all the same.
func core() int {
	id := procPin()
	procUnpin()
	return id
}

// What sync.Pool keeps its items apart by. The runtime promises to keep these two functions for
// packages other than its own, see go.dev/issue/67401.

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()
