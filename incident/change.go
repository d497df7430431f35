package incident

import "github.com/theriac-edge/theriac/shop"

// What is a change of an incident.
type What uint8

// The changes.
const (
	Opened    What = iota // it is new
	Joined                // a shop of the campaign came to it
	Merged                // it went on as another, whose ID is in Merged
	Effective             // customers are served well again, as far as one shop and vector goes
	Closed                // it is over
	whats
)

var whatNames = [...]string{Opened: "opened", Joined: "joined", Merged: "merged", Effective: "effective", Closed: "closed"}

// A change added above and not named here does not compile.
var _ = [1]struct{}{}[len(whatNames)-int(whats)]

func (w What) String() string { return whatNames[w] }

// Change is a reason to store a record at once, and perhaps to tell somebody.
type Change struct {
	What   What
	Record *Record // of the Recorder, which goes on writing into it unless it is closed
	Shop   shop.ID
	Vector string
}
