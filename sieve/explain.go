package sieve

// Treatment is what the sieve does with a rule.
type Treatment string

// The treatments of a rule.
const (
	ByValue    Treatment = "by value"    // found by the values that its first link inspects
	PerRequest Treatment = "per request" // asked for each request
	Aside      Treatment = "aside"       // never open: a match of it is nothing by itself
	AlwaysOpen Treatment = "always open"
)

// Rule is a rule, and how it is treated.
type Rule struct {
	ID        RuleID
	Phase     int
	Treatment Treatment
	Why       string // of those aside or always open
}

// Rules returns all rules of the phases in which requests are inspected.
func (s *Sieve) Rules() (all []Rule) {
	for _, r := range s.rules {
		rule := Rule{ID: r.id, Phase: r.phase, Treatment: PerRequest}
		switch {
		case r.aside != "":
			rule.Treatment, rule.Why = Aside, r.aside
		case r.why != "":
			rule.Treatment, rule.Why = AlwaysOpen, r.why
		case r.wide:
			rule.Treatment = ByValue
		}
		all = append(all, rule)
	}
	return all
}

// Skips reports whether a rule is skipped with these settings, as those above the paranoia
// level are.
func (s *Sieve) Skips(settings *Settings, id RuleID) bool {
	for _, r := range s.rules {
		if r.id == id {
			return settings.dead[r.index]
		}
	}
	return true
}

// StateMemory returns the bytes that the states of automata take, which are made as requests
// need them.
func (s *Sieve) StateMemory() int64 { return s.memory.Used() }
