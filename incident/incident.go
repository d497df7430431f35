// Package incident records attacks: what came, when it was detected and when customers were
// served well again, what each control stopped, what it cost, and which operator did what. A
// Recorder is fed once a second and makes one Record of an attack; a Record becomes lines of
// the ledger, which says for each shop and vector whether the agreed time to mitigate was met,
// and a Report in Markdown, JSON or HTML.
//
// It stands behind watch, which decides, and in front of those that store and send records. It
// takes the time as an argument and does no I/O; only a Journal writes files. A record holds no
// address, path, query or value, is at most MaxRecord bytes long, and each list in it has a
// bound: what does not fit is counted in LeftOut. What was not counted, or by too few
// customers to judge, is said to be unknown and never taken for zero.
package incident
