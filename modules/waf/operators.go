package waf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

func init() {
	plugins.RegisterOperator("rxPair", newPair)
}

// pair is the operator @rxPair: `same` or `differ`, and a regular expression with two
// groups. It matches a value in which the expression matches and the groups have the same
// text, or different ones. The Core Rule Set compares the groups in a second rule of a
// chain, which sees those of the last matching value only, and the order is random.
type pair struct {
	expression *regexp.Regexp
	same       bool
}

func newPair(options plugintypes.OperatorOptions) (plugintypes.Operator, error) {
	how, expression, _ := strings.Cut(options.Arguments, " ")
	if how != "same" && how != "differ" {
		return nil, fmt.Errorf("@rxPair %s: want same or differ, and a regular expression", how)
	}
	compiled, err := regexp.Compile("(?sm)" + expression)
	if err != nil {
		return nil, fmt.Errorf("@rxPair: %w", err)
	}
	if compiled.NumSubexp() != 2 {
		return nil, errors.New("@rxPair: want a regular expression with two groups")
	}
	return &pair{compiled, how == "same"}, nil
}

// Evaluate implements plugintypes.Operator.
func (p *pair) Evaluate(tx plugintypes.TransactionState, value string) bool {
	found := p.expression.FindStringSubmatch(value)
	if found == nil || (found[1] == found[2]) != p.same {
		return false
	}
	for i, text := range found {
		tx.CaptureField(i, text)
	}
	return true
}
