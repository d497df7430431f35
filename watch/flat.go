package watch

// flat is Counts as one row, in which they are told and added up. The order is that of the
// bits of a report, so it is fixed: what is new goes to the end. What is often zero comes
// late, which keeps masks short.
type flat [flatLen]uint64

const (
	atArrived = 0
	atVouched = atArrived + Streams
	atThrough = atVouched + Streams
)

const (
	atAssets = iota + atThrough + Streams
	atAnswered
	atCustomers
	atServed
	atWaiting
	atDistinct
	atBad
	atGone
	atOrders
	atAsked
	atSolved
	atFirewall
	atChallenge
	atLimit
	atBan
	atGate
	atScrub
	atCrowded
	atHidden
	flatLen
)

// Another stream or control moves bits that edges of the version before read: give it bits at
// the end.
var (
	_ = [1]struct{}{}[Streams-4]
	_ = [1]struct{}{}[Controls-6]
	_ = [1]struct{}{}[flatLen-31]
)

// stoppedAt is where each control's count is.
var stoppedAt = [Controls]int{
	ByScrub: atScrub, ByGate: atGate, ByBan: atBan, ByLimit: atLimit, ByChallenge: atChallenge, ByFirewall: atFirewall,
}

func isGauge(i int) bool { return i == atWaiting || i == atDistinct }

func (c *Counts) flat() (f flat) {
	copy(f[atArrived:], c.Arrived[:])
	copy(f[atVouched:], c.Vouched[:])
	copy(f[atThrough:], c.Through[:])
	f[atAssets], f[atAnswered], f[atBad], f[atCrowded], f[atHidden] = c.Assets, c.Answered, c.Bad, c.Crowded, c.Hidden
	f[atCustomers], f[atServed], f[atAsked], f[atSolved] = c.Customers, c.Served, c.Asked, c.Solved
	f[atGone], f[atOrders] = c.Gone, c.Orders
	f[atWaiting], f[atDistinct] = uint64(c.Waiting), uint64(c.Distinct)
	for control, at := range stoppedAt {
		f[at] = c.Stopped[control]
	}
	return f
}

func (f *flat) counts() (c Counts) {
	copy(c.Arrived[:], f[atArrived:])
	copy(c.Vouched[:], f[atVouched:])
	copy(c.Through[:], f[atThrough:])
	c.Assets, c.Answered, c.Bad, c.Crowded, c.Hidden = f[atAssets], f[atAnswered], f[atBad], f[atCrowded], f[atHidden]
	c.Customers, c.Served, c.Asked, c.Solved = f[atCustomers], f[atServed], f[atAsked], f[atSolved]
	c.Gone, c.Orders = f[atGone], f[atOrders]
	c.Waiting, c.Distinct = uint32(f[atWaiting]), uint32(f[atDistinct])
	for control, at := range stoppedAt {
		c.Stopped[control] = f[at]
	}
	return c
}

// second makes a Second of what was added up in one. carry is by how many more requests were
// vouched for than arrived: those had arrived in the second before.
func (f *flat) second(s *Second, carry *[Streams]int) {
	n := func(at int) int { return int(f[at]) }
	for i := range Streams {
		strangers := n(atArrived+i) - n(atVouched+i)
		s.Strangers[i] = max(0, strangers+carry[i])
		carry[i] = min(0, strangers)
		s.Vouched[i], s.Through[i] = n(atVouched+i), n(atThrough+i)
	}
	s.Assets, s.Answered, s.Bad, s.Crowded, s.Hidden = n(atAssets), n(atAnswered), n(atBad), n(atCrowded), n(atHidden)
	s.Customers, s.Served, s.Asked, s.Solved = n(atCustomers), n(atServed), n(atAsked), n(atSolved)
	s.Gone, s.Orders = n(atGone), n(atOrders)
	s.Waiting, s.Distinct = n(atWaiting), n(atDistinct)
	for control, at := range stoppedAt {
		s.Stopped[control] = n(at)
	}
}
