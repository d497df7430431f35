package watch

// Composition is what a flood of requests consists of.
type Composition struct {
	Stream Stream
	Search float64 // share of searches in it
	Few    bool    // each of a handful of clients sends far more than a customer
	Passes bool    // it gets through at a level that challenges, or comes with stamps
	Solved float64 // share of the challenges that were solved
}

// VectorOf names a flood of requests.
func VectorOf(c Composition) Vector {
	switch {
	case c.Few:
		return FewClients
	case c.Passes && c.Solved >= 0.5:
		return SolverBots
	case c.Passes:
		return StampedBots
	case c.Stream == Account:
		return LoginGuessing
	case c.Stream == Order:
		return CheckoutSpam
	case c.Stream == Search || c.Search >= 0.5:
		return SearchFlood
	}
	return GetFlood
}

// name names what raised the level.
func (st *State) name(d *decision) Vector {
	if d.cause.Why == WhyCarpet {
		return Carpet
	}
	c := Composition{
		Stream: d.cause.Stream,
		Few:    d.cause.Why == WhyFew,
		Passes: d.cause.Why == WhyStillHurts || d.cause.Why == WhyCollected,
		Search: d.t.strangers[Search] / max(1, d.t.allStrangers),
	}
	if st.asked > 0 {
		c.Solved = st.solved / st.asked
	}
	return VectorOf(c)
}
