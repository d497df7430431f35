// Package install types what docs/install.md and docs/scrubber.md tell an operator to
// type, block by block, into machines that systemd boots, and compares what the pages say
// that it prints.
//
// What cannot be had there (a clone, a download, another host by scp) is replaced by what
// standIns names. A line of it that is on no page is an error, so a page cannot change
// behind its back.
package install
