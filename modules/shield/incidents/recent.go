package incidents

import (
	"slices"
	"time"
)

// What is remembered of the last seconds, so that an edge that begins to lead knows what came
// since the records were kept.
const (
	spanUsual  = 15      // seconds
	spanAlone  = 600     // seconds, while the store is lost and no record is kept
	maxMoments = 1 << 14 // in all of them: about 10 MiB
	startAlone = 5       // seconds without the store, after which an edge that did not lead records
	saveEvery  = time.Second * 5
)

// recent is a queue of the last seconds.
type recent struct {
	seconds []Second
	moments int
}

// add remembers a second. The leadership is not remembered.
func (r *recent) add(s *Second) {
	own := Second{At: s.At, Levels: slices.Clone(s.Levels), Edges: slices.Clone(s.Edges), Moments: slices.Clone(s.Moments)}
	for i := range own.Moments {
		own.Moments[i].Sights = slices.Clone(own.Moments[i].Sights)
	}
	r.seconds = append(r.seconds, own)
	r.moments += len(own.Moments)
	r.trim(spanAlone)
}

// trim forgets the oldest seconds.
func (r *recent) trim(span int) {
	drop := 0
	for len(r.seconds)-drop > 1 && (len(r.seconds)-drop > span || r.moments > maxMoments) {
		r.moments -= len(r.seconds[drop].Moments)
		drop++
	}
	r.seconds = slices.Delete(r.seconds, 0, drop)
}

// after returns the seconds after a time.
func (r *recent) after(at time.Time) []Second {
	i := len(r.seconds)
	for i > 0 && r.seconds[i-1].At.After(at) {
		i--
	}
	return r.seconds[i:]
}
