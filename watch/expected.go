package watch

import "time"

// Expected is what is usual at a shop now.
type Expected struct {
	Strangers [Streams]float64 // a second
	Through   [Streams]float64 // a second
	Dynamic   float64          // requests a second, of all streams
	Distinct  float64          // strangers in ten seconds
	Carts     float64          // of each dynamic request: carts and checkouts
	Orders    float64          // a second; of all customers
	Assets    float64          // for each dynamic request
	Waiting   float64          // seconds until an answer
	Held      float64          // requests that wait at all times, as long polls do
	Bad       float64          // bad answers a second
	Crowded   float64          // requests a second that a limit of the whole shop refuses
	Borne     float64          // dynamic requests a second that the shop has answered in health

	// Announced is by how much more a person has announced, 1 if nobody has.
	Announced float64

	// Slow is the time from which an answer is bad.
	Slow time.Duration
}

// mostAnnounced keeps an announcement from being a licence.
const mostAnnounced = 1000

func (e *Expected) announced() float64 {
	if e.Announced > 1 { // not NaN either
		return min(e.Announced, mostAnnounced)
	}
	return 1
}

// Share is what is usual at one of so many edges.
func (e Expected) Share(edges int) Expected {
	n := float64(max(edges, 1))
	for j := range Streams {
		e.Strangers[j] /= n
		e.Through[j] /= n
	}
	e.Dynamic /= n
	e.Distinct /= n
	e.Orders /= n
	e.Borne /= n
	e.Held /= n
	e.Bad /= n
	e.Crowded /= n
	return e
}
