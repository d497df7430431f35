package watch_test

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/theriac-edge/theriac/watch"
)

// ahead is for how many seconds visits are laid out in advance.
const ahead = 2048

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day
)

// arrivals are people's requests in one second.
type arrivals struct {
	strangers, vouched [watch.Streams]uint16
	assets, clients    uint16 // clients: addresses of strangers
}

// people are the visitors of a shop. A person is a stranger until the stamp of the first
// answer comes back; four in a hundred keep no cookies and remain strangers.
type people struct {
	rand     *rand.Rand
	size     float64 // visits a second, in the mean of the year
	known    float64 // share of visits that begin with a stamp
	pictures float64 // share of the assets that are on the shop's own host
	growth   float64 // in a year
	shape    [168]float64

	today, thisHour float64 // days and hours differ
	rate, next      float64
	crowds          []*crowd
	laid            [ahead]arrivals
}

// crowd is people that come for a reason: a newsletter swells and ebbs, after a TV spot
// they come at once.
type crowd struct {
	begin     int64
	visits    float64
	tau       float64 // seconds
	known     float64
	addresses float64 // for each newcomer: below 1, people share them behind a carrier's NAT
	atOnce    bool
}

func (c *crowd) rate(now int64) float64 {
	since := float64(now-c.begin) / c.tau
	if since < 0 {
		return 0
	}
	if c.atOnce {
		return c.visits / c.tau * math.Exp(-since) * min(1, since*c.tau/8)
	}
	return c.visits / c.tau * since * math.Exp(-since)
}

func (c *crowd) over(now int64) bool { return float64(now-c.begin) > 9*c.tau+minute }

// The rhythm of a day and of a week.
var (
	ofDay  = [24]float64{.25, .15, .1, .1, .12, .25, .5, .8, 1.1, 1.3, 1.4, 1.4, 1.3, 1.3, 1.35, 1.4, 1.4, 1.45, 1.55, 1.8, 1.9, 1.6, 1, .5}
	ofWeek = [7]float64{1.1, 1.1, 1.05, 1, .95, .8, 1}
)

func newPeople(r *rand.Rand, size float64) *people {
	p := &people{rand: r, size: size, known: 0.35 + 0.25*r.Float64(), pictures: 1, growth: math.Exp(0.25 * r.NormFloat64())}
	if r.Float64() < 0.1 {
		p.pictures = 0.05
	}
	sum := 0.0
	for h := range p.shape {
		p.shape[h] = ofDay[(h+r.IntN(2))%24] * ofWeek[h/24] * math.Exp(0.1*r.NormFloat64())
		sum += p.shape[h]
	}
	for h := range p.shape {
		p.shape[h] *= 168 / sum
	}
	return p
}

// usual is how many visits begin in a second, a crowd aside.
func (p *people) usual(now int64) float64 {
	if now%day == 0 || p.today == 0 {
		p.today = math.Exp(0.2 * p.rand.NormFloat64())
		if p.rand.Float64() < 6.0/365 {
			p.today *= 2
		}
	}
	if now%hour == 0 || p.thisHour == 0 {
		p.thisHour = math.Exp(0.15 * p.rand.NormFloat64())
	}
	h, part := now/hour%168, float64(now%hour)/hour
	shape := p.shape[h]*(1-part) + p.shape[(h+1)%168]*part
	return p.size * shape * p.today * p.thisHour * math.Pow(p.growth, float64(now)/(365*day))
}

// arrive returns what comes in this second; reload is how much more than usual.
func (p *people) arrive(now int64, reload float64) arrivals {
	if now%minute == 0 || p.rate == 0 {
		p.rate = p.usual(now) * reload
		p.next = float64(now) + p.rand.ExpFloat64()/p.rate
	}
	for ; p.next < float64(now+1); p.next += p.rand.ExpFloat64() / p.rate {
		p.visit(now, p.known, 1)
	}
	for _, c := range p.crowds {
		for range poisson(p.rand, c.rate(now)) {
			p.visit(now, c.known, c.addresses)
		}
	}
	if now%minute == 0 {
		p.crowds = slices.DeleteFunc(p.crowds, func(c *crowd) bool { return c.over(now) })
	}
	a := p.laid[now%ahead]
	p.laid[now%ahead] = arrivals{}
	return a
}

// visit lays out all requests of one.
func (p *people) visit(now int64, known, addresses float64) {
	r := p.rand
	isKnown, cookieless := r.Float64() < known, r.Float64() < 0.04
	at := float64(now)
	for page := range min(40, 1+int(r.ExpFloat64()*4.2)) {
		if at-float64(now) > ahead-4 {
			return
		}
		a := &p.laid[int64(at)%ahead]
		s := streamOf(r.Float64(), page)
		if cookieless || !isKnown && page == 0 {
			a.strangers[s]++
			if addresses >= 1 || r.Float64() < addresses {
				a.clients++
			}
		} else {
			a.vouched[s]++
		}
		assets := 2.0
		if page == 0 {
			assets = 20
			if isKnown {
				assets = 5
			}
		}
		if n := poisson(r, assets*p.pictures); n > 0 {
			a.assets += uint16(n / 2)
			p.laid[(int64(at)+1)%ahead].assets += uint16(n - n/2)
		}
		at += 1 + r.ExpFloat64()*24
	}
}

// streamOf is what the page of this number in a visit is, by a number from 0 to 1.
func streamOf(u float64, page int) watch.Stream {
	switch {
	case page == 0 && u < .1 || page > 0 && u < .18:
		return watch.Search
	case page > 0 && u < .25:
		return watch.Account
	case page > 1 && u < .42:
		return watch.Order
	}
	return watch.Page
}
