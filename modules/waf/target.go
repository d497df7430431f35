package waf

import (
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/types"

	"github.com/theriac-edge/theriac/modules/waf/shape"
	"github.com/theriac-edge/theriac/parser"
)

// targetsOf names what a rule has matched, as exclusions name it: ARGS:q. Of a chain it is
// what the last link has matched, which decides. A name is left out, so that only its
// variable remains, unless it is certainly a name and not something that a patient wrote.
func targetsOf(matched []types.MatchData, t *parser.Table) (targets []string) {
	last := 0
	for _, data := range matched {
		last = max(last, data.ChainLevel())
	}
	of := func(level int) {
		for _, data := range matched {
			if target, ok := targetOf(data, t); ok && data.ChainLevel() == level && !slices.Contains(targets, target) && len(targets) < maxTargets {
				targets = append(targets, target)
			}
		}
	}
	for level := last; level >= 0 && len(targets) == 0; level-- {
		of(level)
	}
	return targets
}

// headerName is how rules 920450 and 920451 remember the name of a header.
const headerName = "header_name_92045"

// targetOf returns false for a variable of the rules' own.
func targetOf(data types.MatchData, t *parser.Table) (target string, ok bool) {
	variable, key := data.Variable().Name(), data.Key()
	switch variable {
	case "MATCHED_VARS": // its names are targets
		variable, key, _ = strings.Cut(key, ":")
	case "TX":
		rest, isHeader := strings.CutPrefix(strings.ToLower(key), headerName)
		if !isHeader || len(rest) < len("0_") {
			return "", false
		}
		variable, key = "REQUEST_HEADERS_NAMES", rest[len("0_"):]
	case "MATCHED_VAR", "UNKNOWN":
		return "", false
	}
	if key != "" && (variable == "XML" || isName(key) && !isBare(key, t)) {
		return variable + ":" + key, true
	}
	return variable, true
}

// isName reports whether a name is one that programmers give, and an exclusion can have.
func isName(name string) bool {
	return len(name) <= 64 && strings.Trim(name, shape.NameCharacters+"$@:") == ""
}

// isBare reports whether a name came without a value: then it may be what somebody wrote.
func isBare(name string, t *parser.Table) bool {
	return slices.ContainsFunc(t.Values, func(v parser.Value) bool { return v.IsBare && strings.EqualFold(v.Name, name) })
}
