package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/hint/yamlline"
)

// checker collects what is wrong with a scenario whose fields are all readable.
type checker struct {
	root  *yaml.Node
	shops []string
	found []Error
}

// path is where a value is: names of fields and numbers of entries.
type path []any

func (c *checker) complain(at path, format string, args ...any) {
	c.found = append(c.found, Error{cmp.Or(yamlline.Of(c.root, at), c.root.Line), fmt.Sprintf(format, args...)})
}

var names = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

func (c *checker) scenario(s *Scenario) {
	if !names.MatchString(s.Name) {
		c.complain(path{"name"}, "invalid name %q: write a-z, 0-9 and dashes, such as search-storm", s.Name)
	}
	if s.For < Span(time.Second) || s.For.D() > MaxLength {
		c.complain(path{"for"}, "invalid length %s: write 1s to %s", s.For, MaxLength)
	}
	if strings.ContainsAny(s.About, "\n\r") || len(s.About) > 200 {
		c.complain(path{"about"}, "too long: write one line of at most 200 bytes")
	}
	c.shopList(s.Shops)
	c.customers(&s.Customers)
	for i := range s.Crowds {
		c.crowd(s, i)
	}
	if n := len(s.pulses()); n > maxWaves {
		c.complain(path{"waves"}, "%d waves: write at most %d, pulses counted one by one", n, maxWaves)
	}
	for i := range s.Waves {
		c.wave(s, i)
	}
	if len(c.found) == 0 {
		c.together(s)
		c.packets(s)
	}
	for i, b := range s.Chaos {
		if b.Do == "" {
			c.complain(path{"chaos", i}, "missing do: write %s", anyOf([]Break{StopRedis, KillEdge, KillLeader, Reload, StopShops}))
		}
		if b.At+b.For > s.For {
			c.complain(path{"chaos", i, "at"}, "it ends at %s, after the drill: write at and for below %s", b.At+b.For, s.For)
		}
	}
	c.targets(&s.Targets)
}

func (c *checker) shopList(shops []Shop) {
	if len(shops) == 0 || len(shops) > maxShops {
		c.complain(path{"shops"}, "%d shops: write 1 to %d, such as {name: loewen, page_time: 20ms, workers: 2}", len(shops), maxShops)
	}
	for i, p := range shops {
		at := path{"shops", i}
		if !names.MatchString(p.Name) || slices.Contains(c.shops, p.Name) {
			c.complain(at, "invalid or repeated name %q of a shop: write a-z, 0-9 and dashes, each once", p.Name)
		}
		c.shops = append(c.shops, p.Name)
		if p.Workers < 1 || p.Workers > 1000 || p.Queue < 0 || p.Queue > 10_000 {
			c.complain(at, "shop %s: write 1 to 1000 workers and a queue of at most 10000", p.Name)
		}
		if p.Usual > maxArrivals {
			c.complain(at, "shop %s: write a usual rate of at most %d/s", p.Name, maxArrivals)
		}
		if p.Connections < 0 || p.Connections > load.MaxClients {
			c.complain(at, "shop %s: write at most %d connections", p.Name, load.MaxClients)
		}
		if p.PageCost > p.PageTime || p.PageTime.D() > time.Minute || p.Patience.D() > time.Minute {
			c.complain(at, "shop %s: write page_cost up to page_time, and page_time and patience up to 1m", p.Name)
		}
	}
}

func (c *checker) customers(v *Customers) {
	if v.Arrive > maxArrivals {
		c.complain(path{"customers", "arrive"}, "%s: write at most %d/s a shop", v.Arrive, maxArrivals)
	}
	if v.Addresses < 1 || v.Addresses > load.MaxClients {
		c.complain(path{"customers", "addresses"}, "%d addresses: write 1 to %d", v.Addresses, load.MaxClients)
	}
	if v.Think.D() > time.Minute {
		c.complain(path{"customers", "think"}, "%s between two pages: write at most 1m", v.Think)
	}
}

func (c *checker) crowd(s *Scenario, i int) {
	v, at := s.Crowds[i], path{"crowds", i}
	c.name(at, v.Name)
	c.within(at, s, v.At, v.For)
	c.shop(at, v.Shop)
	if v.Arrive.Max() == 0 || v.Arrive.Max() > maxArrivals {
		c.complain(path{"crowds", i, "arrive"}, "crowd %q: write a rate up to %d/s", v.Name, maxArrivals)
	}
}

func (c *checker) wave(s *Scenario, i int) {
	w, at := s.Waves[i], path{"waves", i}
	c.name(at, w.Name)
	if w.Times < 1 || w.Times > maxWaves || w.Times > 1 && w.Every < w.For {
		c.complain(at, "wave %q: write times up to %d, and every at least as long as for", w.Name, maxWaves)
		return
	}
	c.within(at, s, w.At, w.For+Span(w.Times-1)*w.Every)
	if w.Shop != "" && !slices.Equal(w.Shops, []string{w.Shop}) || len(w.Shops) == 0 {
		c.complain(at, "wave %q: write either shop or shops", w.Name)
	}
	for _, name := range w.Shops {
		c.shop(at, name)
	}
	if w.Vector == "" {
		c.complain(at, "wave %q: missing vector: write %s", w.Name, anyOf(vectors))
	}
	c.strength(at, &w)
	for _, p := range w.Paths {
		if !strings.HasPrefix(p, "/") || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			c.complain(append(at, "paths"), "wave %q: invalid path %q: write one that begins with a slash, such as /search?q=tee", w.Name, p)
		}
	}
	if len(w.Agent) > 200 || strings.ContainsFunc(w.Agent, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		c.complain(append(at, "agent"), "wave %q: write an agent of at most 200 bytes of ASCII", w.Name)
	}
	if w.Pass != "" && w.Solve > 0 {
		c.complain(at, "wave %q: write either solve or pass", w.Name)
	}
}

func (c *checker) name(at path, name string) {
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		c.complain(at, "invalid name %q: write one line of at most %d bytes, such as wave 1", name, maxName)
	}
}

func (c *checker) within(at path, s *Scenario, from, length Span) {
	if length <= 0 {
		c.complain(at, "missing for: write how long it lasts, such as 15s")
	} else if from+length > s.For {
		c.complain(at, "it ends at %s, after the drill: write at and for below %s", from+length, s.For)
	}
}

func (c *checker) shop(at path, name string) {
	if !slices.Contains(c.shops, name) {
		c.complain(at, "unknown shop %q: write %s", name, anyOf(c.shops))
	}
}

// together bounds what is sent at the same time.
func (c *checker) together(s *Scenario) {
	pulses := s.pulses()
	for _, p := range pulses {
		rate, from := Rate(0), 0
		for _, other := range pulses {
			if other.At <= p.At && p.At < other.At+other.For && !other.Vector.IsPackets() {
				rate += other.Rate.Max() * Rate(len(other.Shops))
				from += other.From * len(other.Shops)
			}
		}
		if rate > load.MaxRate || from > load.MaxClients {
			c.complain(path{"waves"}, "at %s all waves together send %s from %d addresses: write at most %d/s from %d", p.At, rate, from, load.MaxRate, load.MaxClients)
			break
		}
	}
	if n := s.expected(); n > maxVisits {
		c.complain(path{"customers"}, "about %.0f visits: write rates for at most %d", n, maxVisits)
	}
}

func (c *checker) targets(t *Targets) {
	counts := map[string]*int{
		"lost": t.Lost, "doubled": t.Doubled, "refused": t.Refused, "challenged": t.Challenged,
		"challenged_known": t.ChallengedKnown, "challenged_known_at_2": t.ChallengedKnownAt2,
		"level_max": t.LevelMax, "incidents": t.Incidents,
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if v := counts[name]; v != nil && *v < 0 {
			c.complain(path{"targets", name}, "invalid target %d: write 0 or more", *v)
		}
	}
}
