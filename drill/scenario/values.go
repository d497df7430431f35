package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Span is a duration such as 90s.
type Span time.Duration

// D is the span as a duration.
func (s Span) D() time.Duration { return time.Duration(s) }

func (s Span) String() string { return time.Duration(s).String() }

// A Rate is a number per second, written with its unit: 500/s, 1.5/s, 90/m.
type Rate float64

func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'g', -1, 64) + "/s" }

// A Share is a part of a whole, written as 45%.
type Share float64

func (s Share) String() string { return strconv.FormatFloat(float64(s)*100, 'g', 6, 64) + "%" }

// A Profile is a rate that may rise or fall to its last value: 150/s, or
// {from: 100/s, to: 3000/s, over: 3s}.
type Profile struct {
	From, To Rate
	Over     Span // 0: To holds from the beginning
}

func (p Profile) String() string {
	if p.Over == 0 {
		return p.To.String()
	}
	return fmt.Sprintf("%s to %s in %s", p.From, p.To, p.Over)
}

// Max is its highest rate.
func (p Profile) Max() Rate { return max(p.From, p.To) }

// At is the rate after so much time.
func (p Profile) At(t time.Duration) Rate {
	if p.Over == 0 || t >= p.Over.D() {
		return p.To
	}
	return p.From + (p.To-p.From)*Rate(t.Seconds()/p.Over.D().Seconds())
}

// complaint is an error of one value, with its line, that the decoder collects.
func complaint(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}

// UnmarshalYAML reads a span.
func (s *Span) UnmarshalYAML(n *yaml.Node) error {
	d, err := time.ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode || d < 0 || d > 100*time.Hour {
		return complaint(n, "invalid duration %q: write one such as 500ms, 90s or 5m", n.Value)
	}
	*s = Span(d)
	return nil
}

var units = map[string]float64{"s": 1, "m": 60, "h": 3600}

// UnmarshalYAML reads a rate.
func (r *Rate) UnmarshalYAML(n *yaml.Node) error {
	count, unit, _ := strings.Cut(n.Value, "/")
	v, err := strconv.ParseFloat(count, 64)
	if err != nil || n.Kind != yaml.ScalarNode || units[unit] == 0 || !(v >= 0 && v <= 1e6) {
		return complaint(n, "invalid rate %q: write a number and its unit, such as 500/s, 1.5/s or 90/m", n.Value)
	}
	*r = Rate(v / units[unit])
	return nil
}

// UnmarshalYAML reads a share.
func (s *Share) UnmarshalYAML(n *yaml.Node) error {
	v, err := strconv.ParseFloat(strings.TrimSuffix(n.Value, "%"), 64)
	if err != nil || n.Kind != yaml.ScalarNode || !strings.HasSuffix(n.Value, "%") || !(v >= 0 && v <= 100) {
		return complaint(n, "invalid share %q: write a percentage such as 45%%", n.Value)
	}
	*s = Share(math.Round(v*1e6) / 1e8)
	return nil
}

// UnmarshalYAML reads a rate or a ramp.
func (p *Profile) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return p.To.UnmarshalYAML(n)
	}
	if n.Kind != yaml.MappingNode {
		return complaint(n, "invalid rate: write 500/s, or {from: 100/s, to: 3000/s, over: 3s}")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			return complaint(key, "duplicate field %q of a rate", key.Value)
		}
		seen[key.Value] = true
		var err error
		switch key.Value {
		case "from":
			err = p.From.UnmarshalYAML(value)
		case "to":
			err = p.To.UnmarshalYAML(value)
		case "over":
			err = p.Over.UnmarshalYAML(value)
		default:
			err = complaint(key, "unrecognized field %q of a rate: write one of from, to, over", key.Value)
		}
		if err != nil {
			return err
		}
	}
	if !seen["from"] || !seen["to"] || p.Over == 0 {
		return complaint(n, "incomplete ramp: write {from: 100/s, to: 3000/s, over: 3s}")
	}
	return nil
}

// What words a wave and a chaos may use.
type (
	Vector string // Vector is what an attack asks for.
	Query  string // Query is what is appended to each path.
	Stamps string // Stamps are cookies that sources bring.
	Pass   string // Pass is the pass that sources bring.
	Break  string // Break is what chaos breaks.
)

// The words.
const (
	Get      Vector = "get"      // pages
	Search   Vector = "search"   // searches
	Login    Vector = "login"    // POSTs of the log-in form
	Cart     Vector = "cart"     // POSTs into the cart
	Checkout Vector = "checkout" // POSTs of the checkout form

	RandomQuery Query  = "random" // a query that no cache can know
	OldStamps   Stamps = "old"    // collected before the drill
	StolenPass  Pass   = "stolen" // one solved challenge for all sources

	StopRedis  Break = "stop redis"  // connections stay open and nothing answers
	KillEdge   Break = "kill edge"   // the last of them
	KillLeader Break = "kill leader" // the edge that leads the watch
	Reload     Break = "reload"      // of the configuration, at all edges
	StopShops  Break = "stop shops"  // connections stay open and nothing answers
)

// vectorPaths are what an attack asks for unless it says so.
var vectorPaths = map[Vector][]string{
	Get:      {"/", "/product/1", "/product/2", "/product/3"},
	Search:   {"/search?q=Nasenspray", "/search?q=Tee", "/search?q=Salbe", "/search?q=Vitamin"},
	Login:    {"/account/login"},
	Cart:     {"/cart"},
	Checkout: {"/checkout"},

	SlowHeaders: {"/"}, SlowBodies: {"/cart"}, RapidReset: {"/search?q=Tee"}, Continuation: {"/"}, WebSockets: {"/cardlink"},
}

// Posts reports whether the attack sends forms.
func (v Vector) Posts() bool { return v == Login || v == Cart || v == Checkout }

// UnmarshalYAML reads a vector.
func (v *Vector) UnmarshalYAML(n *yaml.Node) error {
	return word(n, v, "vector", vectors...)
}

// UnmarshalYAML reads what is appended to paths.
func (q *Query) UnmarshalYAML(n *yaml.Node) error { return word(n, q, "query", RandomQuery) }

// UnmarshalYAML reads which stamps sources bring.
func (s *Stamps) UnmarshalYAML(n *yaml.Node) error { return word(n, s, "kind of stamps", OldStamps) }

// UnmarshalYAML reads which pass sources bring.
func (p *Pass) UnmarshalYAML(n *yaml.Node) error { return word(n, p, "kind of pass", StolenPass) }

// UnmarshalYAML reads what breaks.
func (b *Break) UnmarshalYAML(n *yaml.Node) error {
	return word(n, b, "chaos", StopRedis, KillEdge, KillLeader, Reload, StopShops)
}

// word reads one of a closed list.
func word[T ~string](n *yaml.Node, to *T, what string, known ...T) error {
	if n.Kind != yaml.ScalarNode || !slices.Contains(known, T(n.Value)) {
		return complaint(n, "unrecognized %s %q: write %s", what, n.Value, anyOf(known))
	}
	*to = T(n.Value)
	return nil
}

// anyOf lists words as people write them.
func anyOf[T ~string](words []T) string {
	var list strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			list.WriteString(" or ")
		case i > 0:
			list.WriteString(", ")
		}
		list.WriteString(string(w))
	}
	return list.String()
}
