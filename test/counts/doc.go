// Package counts proves what an edge counts of a shop's requests: a whole edge in this
// process, so that its counts can be read as package watch gets them.
package counts
