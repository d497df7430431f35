// Package policyfile reads the two policy files of scrubd, that of the scrubber
// and that of the agent at a data centre, and rejects what cannot work.
//
// It stands below scrubd/daemon and the commands. Every error names the file and,
// where one line is to blame, the line. A file is accepted as a whole or not at
// all: there is no partial result. It needs neither privileges nor a kernel.
package policyfile
