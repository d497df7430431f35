package shop

import (
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// Visit is one request on its way through the edge. The stage `visit` makes
// it, the stages after it read it and nothing else about the visitor, and on
// the way back it says how the request ended. It holds no address and no
// path, so no stage can store the two together.
type Visit struct {
	Shop    ID
	Client  netkey.Key // one IPv4 address or one IPv6 /64
	Subnet  netkey.Key // the /24 or /56 around it
	Site    netkey.Key // the /48 around that; zero for IPv4
	Class   Class
	Partner *Partner // nil if the request has not proven to come from one

	// Trust is written by three stages, each for those after it: visit sets Suspicious or
	// Unknown by the request's headers; limit lowers Unknown to Suspicious near the limit of
	// a zone that counts single clients, or where strangers have used up their part of a
	// subnet; challenge does so near what a stranger may ask for, and raises it to Passed
	// with a valid pass and, at the level Attack, Unknown to Known with an old enough time
	// stamp. No other code writes it.
	Trust Trust

	// Standing is whether the visitor is a stranger, once a stage has asked the shop.
	Standing Standing

	Level Level     // of the shop, when the visit began
	Since time.Time // when the shop's level last rose to Attack or above
	Start time.Time

	// Counted is written by package tally, when a stage tells it of the request.
	Counted Counted

	// On the way back.
	Outcome Outcome       // which stage refused the visit, by which rule
	Status  int           // what the shop answered, known once it has
	Backend time.Duration // until the backend's answer began; 0 if it was not asked
}

// Counted is what has been counted of a request, so that nothing is counted twice.
type Counted struct {
	Lane    uint8 // of the tally
	Stream  uint8 // see package watch
	Dynamic bool  // it is counted in a stream
	Own     bool  // the challenge serves it itself
	Judged  bool  // whether it has a stamp or pass has been counted
	Vouched bool  // it has a valid one, at any level
	Crowded bool  // a limit of the whole shop has refused it
	Through bool  // it went on to the backend
	Waited  bool  // it waits no more: the answer has begun, or the client has left
	Sending bool  // and the answer takes some time to send

	Answered bool // by the backend
	Bad      bool // and with an error, or late
}

// Standing is whether a visitor is a stranger: without a valid time stamp or pass.
type Standing uint8

// What is known of it.
const (
	Unasked Standing = iota
	Stranger
	Vouched // or not a visitor that could be challenged
)

// Partner is a machine that the shop depends on: a payment provider, the
// merchandise management, a monitor. It proves who it is, is limited by a
// budget of its own, and is never challenged.
type Partner struct {
	Name  string
	Rate  Rate
	Burst int64

	// Crawler is set if it is known by a name that has been verified, as those of search
	// engines are: it may come less often while the shop is attacked.
	Crawler bool
}

// Outcome is how a visit ended. The zero value means that the request went
// through to the shop.
type Outcome struct {
	Stage string // the stage that refused, such as "limit"
	Rule  string // the rule of that stage, such as the zone's name
}
