package incident

import (
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// Moment is what is known of one shop, or of the tier, in one second.
type Moment struct {
	Shop   shop.ID    // none: the tier, whose customers are those of all shops
	Level  shop.Level // in force
	Need   shop.Level // what this second asks for: by the rule, or by an operator's pin; never what is only held
	Second watch.Second
	Sick   bool          // the shop suffers, or did so a few seconds ago
	Wait   time.Duration // the longest that a request waited

	// Hot: there is a sign of attack, which may have no name yet.
	Hot bool

	// The vectors of which there is a sign in this second.
	Sights []Sight

	// The campaign that the shop is part of, if it is of one: when that was seen, such as
	// 20261129-1040.
	Campaign string

	Expected Expected
}

// Sight is one vector in one second.
type Sight struct {
	Vector  watch.Vector
	Onset   time.Time // by the rule; zero: this second
	Arrived int       // requests, connections or packets; zero: the shop's strangers
	Before  int       // that arrived since the onset and were in no Sight

	// What controls stopped of this vector, where that is known; for requests it is not,
	// and the shop's own counts stand for it.
	Stopped [watch.Controls]int
}

// Expected is what usually comes in such a second. Known is false as long as nobody knows.
type Expected struct {
	Known     bool
	Customers float64 // requests with a stamp or a pass
	Orders    float64
}

// preparedRate is how much a second a control must stop of a vector, below level 2, for that
// to be an attack.
const preparedRate = 100

// isPrepared reports whether controls that were in force before stop the vector.
func (s *Sight) isPrepared() bool {
	stopped := 0
	for _, n := range s.Stopped {
		stopped += n
	}
	return stopped > preparedRate
}

// opens reports whether the moment is reason enough for an incident. A level alone is not: an
// operator may have set it for other reasons, or it is held after an attack.
func (m *Moment) opens() bool {
	for i := range m.Sights {
		if m.Need >= shop.Attack || m.Sights[i].isPrepared() {
			return true
		}
	}
	return false
}

func (m *Moment) isHot() bool { return m.Hot || len(m.Sights) > 0 }

// strangers counts the requests without stamp or pass, and what of banned clients never
// became a request.
func (m *Moment) strangers() int {
	n := m.Second.Hidden
	for _, s := range m.Second.Strangers {
		n += s
	}
	return n
}

// arrived is what the series shows as the attack's volume.
func (m *Moment) arrived() (n int) {
	if m.Shop != "" {
		return m.strangers()
	}
	for i := range m.Sights {
		n += m.Sights[i].Arrived
	}
	return n
}

// stopped is what controls stopped in the second: of the shop, or of the tier's vectors.
func (m *Moment) stopped() (stopped Stopped) {
	for c, n := range m.Second.Stopped {
		stopped[c] = int64(n)
	}
	if m.Shop == "" {
		for i := range m.Sights {
			for c, n := range m.Sights[i].Stopped {
				stopped[c] += int64(n)
			}
		}
	}
	return stopped
}

// acted reports whether a control stopped something of the vector.
func (m *Moment) acted(s *Sight) bool {
	return s.Stopped != [watch.Controls]int{} || m.Shop != "" && m.Second.Stopped != [watch.Controls]int{}
}

func (m *Moment) tick() tick {
	t := tick{
		customers: int64(m.Second.Customers), served: int64(m.Second.Served), sick: m.Sick,
		acted: m.stopped() != Stopped{},
	}
	if m.Expected.Known {
		t.expected = m.Expected.Customers
	}
	return t
}

func (m *Moment) point() point {
	p := point{
		arrived: int64(m.arrived()), customers: int64(m.Second.Customers), served: int64(m.Second.Served),
		level: int64(m.Level), stopped: m.stopped(),
	}
	for _, n := range m.Second.Through {
		p.through += int64(n)
	}
	return p
}
