package sieve

import "slices"

// plan is what is done with the values of one kind.
type plan struct {
	steps  []int // in order
	groups []group
}

// group are the rules that inspect values of one kind after the same transformations.
type group struct {
	chain  *chain
	checks []check
}

// check is a rule of a group, with the target by which it is there.
type check struct {
	rule   *rule
	target *target
}

// file puts a rule where it is found: beside the values that it inspects, or among those that
// are asked for each request.
func (c *compiler) file(r *rule) {
	if r.why != "" || r.aside != "" {
		return
	}
	first := r.links[0]
	r.wide = !first.negated && len(first.targets) > 0 && first.arg.isText() &&
		!slices.ContainsFunc(first.targets, func(t *target) bool { return t.isTX || t.matched || t.isStrange || t.count })
	if !r.wide {
		c.narrow = append(c.narrow, r)
		return
	}
	for _, t := range first.targets {
		for _, k := range t.kinds {
			c.wide[k].add(c.steps, first.chain, check{r, t})
		}
	}
}

// stepOf finds a step, or appends it.
func (c *compiler) stepOf(before int, s step) int {
	i := slices.IndexFunc(c.steps, func(other step) bool { return other.before == before && other.name == s.name })
	if i < 0 {
		i = len(c.steps)
		c.steps = append(c.steps, s)
	}
	return i
}

// add adds a check to the group of its chain, and the steps that it needs.
func (p *plan) add(steps []step, c *chain, check check) {
	i := slices.IndexFunc(p.groups, func(g group) bool { return g.chain == c })
	if i < 0 {
		i = len(p.groups)
		p.groups = append(p.groups, group{chain: c})
		for at := c.step; at != 0; at = steps[at].before {
			if !slices.Contains(p.steps, at) {
				p.steps = append(p.steps, at)
			}
		}
		slices.Sort(p.steps) // a step has a higher index than those before it
	}
	p.groups[i].checks = append(p.groups[i].checks, check)
}
