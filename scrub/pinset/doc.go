// Package pinset keeps what is pinned of a BPF dataplane in one directory of a
// BPF file system: its maps, and the links that attach its programs to network
// interfaces.
//
// What is pinned goes on without the process that pinned it, and the next
// process takes it over without a gap. The maps are in a subdirectory named for
// their layout, so that a release with other maps never misreads them. If a
// program cannot be loaded or attached, everything that ran before stays as it
// was.
package pinset
