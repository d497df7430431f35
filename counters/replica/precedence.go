package replica

// Priority says which of two entries of one id takes precedence: a manual one
// over an automatic one, whatever the order in which they are set.
type Priority uint8

// The priorities.
const (
	Automatic Priority = iota // set by a program: may be displaced when a kind is full
	Manual                    // set by an operator: stays until it ends or is deleted
)

// Rank says which of two automatic entries of one id takes precedence.
type Rank uint8

// The ranks.
const (
	Latest  Rank = iota // the one that was set later
	Longest             // the one that ends later, by a second at least
)

// precedence is the one number by which two entries are compared, here and in
// set.lua: times are in milliseconds. It is exact as an integer and, below 2⁵³, as
// a double: until the year 2096. Manual entries, of which the latest counts, come
// after all others.
func precedence(rank Rank, p Priority, told, until int64) int64 {
	switch {
	case p == Manual:
		return 4e15 + told*1000
	case rank == Longest:
		return until
	}
	return told * 1000
}

// step is by how much the precedence must be higher: a millisecond of the time
// at which an entry was set, or a second of its end. An end that is only a little
// later is not worth telling every edge.
const step = 1000

// beats reports whether e is to stand where old does. Against a deletion only
// time counts: what was set before it stays deleted. A program deletes nothing
// that an operator set. set.lua decides the same for all edges.
func (e *entry) beats(rank Rank, old *entry, now int64) bool {
	switch {
	case old == nil || old.over(now):
		return true
	case e.deleted && e.priority == Automatic && !old.deleted && old.priority == Manual:
		return false
	case e.deleted || old.deleted:
		return millis(e.told) > millis(old.told)
	}
	mine, theirs := precedence(rank, e.priority, millis(e.told), millis(e.until)), precedence(rank, old.priority, millis(old.told), millis(old.until))
	return mine-theirs >= step
}
