// Package audit runs the edge as it ships, and operators of several users beside it:
// each act of theirs is one log line with its user, and in the status.
package audit
