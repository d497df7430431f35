package incident

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/watch"
)

// sums adds up a series.
func sums(s *Series) (arrived, challenged int64) {
	for _, p := range []*Part{&s.Fine, &s.Coarse} {
		for i := range p.Points() {
			arrived += p.Arrived[i]
			if c := p.Stopped[watch.ByChallenge.String()]; c != nil {
				challenged += c[i]
			}
		}
	}
	return arrived, challenged
}

// TestSeries: ten minutes by the second, then tens, then longer; nothing is lost, and each point
// is where it belongs.
func TestSeries(t *testing.T) {
	for _, n := range []int{1, 599, 600, 601, 3600, 4200, 4201, 30_000} {
		var s Series
		for second := range n {
			p := point{arrived: 3, level: int64(second % 3)}
			if second%2 == 1 {
				p.stopped[watch.ByChallenge] = 1
			}
			s.add(at(second), p)
		}
		if arrived, challenged := sums(&s); arrived != int64(3*n) || challenged != int64(n/2) {
			t.Errorf("%d s: %d arrived and %d challenged, want %d and %d", n, arrived, challenged, 3*n, n/2)
		}
		if s.Fine.Points() != min(n, finePoints) || s.Coarse.Points() > coarsePoints || s.Fine.Every != 1 {
			t.Errorf("%d s: %d and %d points", n, s.Fine.Points(), s.Coarse.Points())
		}
		if s.Coarse.Points() > 0 {
			end := s.Coarse.From.Add(time.Duration((s.Coarse.Points()-1)*s.Coarse.Every+s.Coarse.Filled) * time.Second)
			if !end.Equal(at(n)) || n <= 4200 && s.Coarse.Every != coarseEvery {
				t.Errorf("%d s: the series ends at %v with %d s a point", n, end.Sub(noon), s.Coarse.Every)
			}
		}
		if err := s.check(); err != nil {
			t.Errorf("%d s: %v", n, err)
		}
		for s.shrink() {
			if arrived, challenged := sums(&s); arrived != int64(3*n) || challenged != int64(n/2) {
				t.Errorf("%d s, at lower resolution: %d arrived and %d challenged", n, arrived, challenged)
			}
			if err := s.check(); err != nil {
				t.Errorf("%d s, at lower resolution: %v", n, err)
			}
		}
		before, _ := sums(&s)
		for second := n; second < n+100; second++ {
			s.add(at(second), point{arrived: 1})
		}
		if after, _ := sums(&s); after != before+100 {
			t.Errorf("%d s: %d more arrived, want 100", n, after-before)
		}
	}
}
