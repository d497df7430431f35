package watch

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/theriac-edge/theriac/shop"
)

// Why is the reason for a level.
type Why uint8

// The reasons.
const (
	WhyNothing    Why = iota // calm
	WhyMany                  // more strangers than the shop is used to, of whom nothing else is known
	WhyFew                   // from few clients: a matter of limits of single clients
	WhyUnlike                // many, and unlike browsers
	WhySuffers               // the shop suffers, and they are the reason
	WhyCollected             // it suffers from visitors that came with stamps
	WhyStillHurts            // it suffers from what the level lets through
	WhyCarpet                // a carpet over several shops
	whys
)

var whyNames = [...]string{
	WhyNothing: "calm", WhyMany: "many_strangers", WhyFew: "few_clients", WhyUnlike: "strangers_unlike_browsers",
	WhySuffers: "shop_suffers", WhyCollected: "stamps_collected", WhyStillHurts: "still_hurts", WhyCarpet: "carpet",
}

// A reason added above and not named here does not compile.
var _ = [1]struct{}{}[len(whyNames)-int(whys)]

// String is the reason as a label of metrics.
func (w Why) String() string { return whyNames[w] }

// ParseWhy returns the reason of that name.
func ParseWhy(name string) (w Why, ok bool) {
	i := slices.Index(whyNames[:], name)
	return Why(max(i, 0)), i >= 0
}

// Whys is the number of reasons; a Why is below it.
const Whys = int(whys)

// Sign is by what strangers differ from people with browsers.
type Sign uint8

// The signs.
const (
	NoSign      Sign = iota
	NoAssets         // they load no pictures
	NoCarts          // they buy nothing
	NoStamps         // they do not return the stamps that they were given
	SameClients      // the same, seen by the number of clients
	signs
)

var signNames = [...]string{
	NoSign: "behave like browsers", NoAssets: "load no assets", NoCarts: "fill no carts",
	NoStamps: "return no time stamps", SameClients: "come again and again without time stamps",
}

// A sign added above and not named here does not compile.
var _ = [1]struct{}{}[len(signNames)-int(signs)]

func (s Sign) String() string { return signNames[s] }

// Words says in one sentence what the rule sees, with the figures.
func (v *Verdict) Words() string {
	crowd := fmt.Sprintf("%s/s (%s, usual %s, allowed %s)",
		several(figure(v.Strangers), "stranger"), v.Stream, figure(v.Usual), figure(v.Allowance))
	if v.Level == shop.Calm {
		return crowd
	}
	if !v.Hot && v.Quiet > 0 {
		return fmt.Sprintf("no sign of attack for %s; if none comes, level %d ends in %s", duration(v.Quiet), v.Level, duration(v.Left))
	}
	crowd += fmt.Sprintf(" from %s, %s a request: ",
		several(figure(float64(v.Distinct)), "client"), several(figure(v.Assets), "asset"))
	switch v.Now.Why {
	case WhyFew:
		return crowd + "few clients, which the limits of single clients stop"
	case WhyUnlike:
		return crowd + "unlike browsers, they " + v.Now.Sign.String()
	case WhySuffers:
		return crowd + "the shop suffers from them"
	case WhyCollected:
		return "the shop suffers from visitors with time stamps that " + v.Now.Sign.String() + ", unlike browsers"
	case WhyStillHurts:
		return "the shop still suffers from what is let through: visitors that " + v.Now.Sign.String()
	case WhyCarpet:
		return crowd + "the shop suffers from its part of a flood of several shops, unlike browsers, they " + v.Now.Sign.String()
	case WhyMany:
		return crowd + "more than usual, but they behave like people"
	}
	return crowd + "more than is allowed"
}

// several is a number of things: 1 client, 5 clients.
func several(n, thing string) string {
	if n == "1" {
		return n + " " + thing
	}
	return n + " " + thing + "s"
}

// figure writes a number as people read it: 2,140 or 0.4 or 0.02.
func figure(x float64) string {
	switch {
	case x > 0 && x < 0.001:
		return "<0.001"
	case x < 0.1:
		return strconv.FormatFloat(x, 'g', 1, 64)
	case x < 10:
		return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
	}
	return humanize.Comma(int64(math.Round(x)))
}

// duration writes seconds as people read them.
func duration(seconds int64) string {
	if seconds < 120 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min", (seconds+30)/60)
}
