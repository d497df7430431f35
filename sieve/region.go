package sieve

import (
	"slices"
	"strconv"
	"strings"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

// region are the rules that another has Coraza skip when it matches.
type region struct {
	rule      *rule
	covers    []*rule
	removable bool // its rule may be removed, and rules that it covers may not be
}

// readRegions finds the rules with skip and skipAfter. A rule skips others of its phase only.
func (c *compiler) readRegions(program *seclang.Program) {
	for i, source := range program.Rules {
		r := c.find(source)
		if r == nil {
			continue
		}
		covers, skips := c.covered(program, i, r)
		if _, counts := source.Links[0].Action("skip"); counts {
			for _, covered := range covers {
				covered.stays = true // taken out, it would not be counted
			}
		}
		if skips {
			c.regions = append(c.regions, region{r, covers, c.isRemovable(program, source, covers)})
		}
	}
}

func (c *compiler) covered(program *seclang.Program, at int, r *rule) (covers []*rule, skips bool) {
	first := program.Rules[at].Links[0]
	marker, skips := first.Action("skipafter")
	count, counts := first.Action("skip")
	n := len(program.Rules)
	if counts && !skips {
		n, _ = strconv.Atoi(count)
	}
	for _, source := range program.Rules[at+1:] {
		if skips && source.Marker == marker || len(covers) >= n {
			break
		}
		if other := c.find(source); other != nil && other.phase == r.phase {
			covers = append(covers, other)
		}
	}
	return covers, skips || counts
}

// isRemovable reports whether some rule may remove this one by ctl, and not also all that it
// covers, which it does if all have the tag.
func (c *compiler) isRemovable(program *seclang.Program, source *seclang.Rule, covers []*rule) bool {
	hasTag := func(r *rule, tag string) bool {
		i := slices.IndexFunc(program.Rules, func(s *seclang.Rule) bool { return s.Marker == "" && s.ID == r.id })
		return slices.Contains(program.Rules[i].Tags, tag)
	}
	for _, other := range program.Rules {
		for _, l := range other.Links {
			for _, a := range l.Actions {
				name, value, _ := strings.Cut(a.Value, "=")
				switch name = strings.ToLower(name); {
				case a.Name != "ctl" || !strings.HasPrefix(name, "ruleremoveby"):
				case name != "ruleremovebytag":
					return true
				case slices.Contains(source.Tags, value) && slices.ContainsFunc(covers, func(r *rule) bool { return !hasTag(r, value) }):
					return true
				}
			}
		}
	}
	return false
}

// dead returns, by index, the rules that are skipped for certain with these settings.
func (s *Sieve) dead(settings *Settings) []bool {
	dead, doubtful := make([]bool, len(s.rules)), make([]bool, len(s.rules))
	for _, region := range s.regions {
		if dead[region.rule.index] {
			continue
		}
		matched, decided := s.skips(region.rule, settings)
		if decided && !matched {
			continue
		}
		mark := doubtful
		if decided && !region.removable && !settings.touched[region.rule.index] && !doubtful[region.rule.index] {
			mark = dead
		}
		for _, r := range region.covers {
			mark[r.index] = true
		}
	}
	return dead
}

// skips reports whether a rule on one variable of TX matches, and whether that is certain.
func (s *Sieve) skips(r *rule, settings *Settings) (matched, decided bool) {
	if r.why != "" || len(r.links) != 1 {
		return false, false
	}
	l := r.links[0]
	if len(l.targets) != 1 || l.decide == nil || len(l.chain.funcs) > 0 {
		return false, false
	}
	t := l.targets[0]
	if !t.isTX || t.count || t.key.pattern != nil || len(t.except) > 0 {
		return false, false
	}
	value, is := s.value(settings, t.key.text)
	arg, isKnown := l.arg.expand(func(variable, name string) (string, state) { return s.reference(settings, variable, name) })
	if is == unknown || !isKnown {
		return false, false
	}
	if is == unset {
		return false, true
	}
	matched, decided = l.decide(value, arg)
	return matched != l.negated, decided
}
