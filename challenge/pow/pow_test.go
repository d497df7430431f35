package pow

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func challenge() Challenge {
	return Challenge{
		Algorithm: SHA256, K: Subpuzzles, Level: 2, Rise: 1, Threshold: Threshold(4096),
		Expires: noon.Add(2 * time.Minute), Binding: 0x0123456789abcdef,
	}
}

func TestAChallengeIsIssuedOpenedAndSolved(t *testing.T) {
	k, c := keysOf(t, "secret"), challenge()
	text := string(k.AppendChallenge(nil, &c, noon))
	got, sealed, err := k.OpenChallenge(text, noon)
	if err != nil || got != c {
		t.Fatalf("opened %+v, %v; want %+v", got, err, c)
	}
	answers := Solve(&got, &sealed)
	if err := got.Solved(&sealed, answers); err != nil {
		t.Errorf("its solution is refused: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	c, sealed := Challenge{Algorithm: SHA256, K: Subpuzzles, Threshold: Threshold(4096)}, Sealed(counting(sealedSize))
	answers := Solve(&c, &sealed)
	other := sealed
	other[sealedSize-1] ^= 1
	for _, a := range []struct {
		says    string
		c       Challenge
		sealed  Sealed
		answers []byte
		want    error
	}{
		{"the solution", c, sealed, answers, nil},
		{"the solution of another challenge", c, other, answers, ErrWrong},
		{"no answers", c, sealed, nil, ErrMalformed},
		{"one answer too few", c, sealed, answers[4:], ErrMalformed},
		{"one byte too much", c, sealed, append(slices.Clone(answers), 0), ErrMalformed},
		{"answers that were not searched for", c, sealed, make([]byte, 4*Subpuzzles), ErrWrong},
		{"a threshold that nothing is below", Challenge{Algorithm: SHA256, K: Subpuzzles}, sealed, answers, ErrWrong},
		{"no sub-puzzles", Challenge{Algorithm: SHA256, Threshold: math.MaxUint32}, sealed, nil, ErrMalformed},
		{"an algorithm that is not registered", Challenge{Algorithm: 2, K: Subpuzzles, Threshold: math.MaxUint32}, sealed, answers, ErrMalformed},
		{"an algorithm that is not registered, with no answers", Challenge{Algorithm: 255}, sealed, nil, ErrMalformed},
	} {
		if got := a.c.Solved(&a.sealed, a.answers); got != a.want {
			t.Errorf("%s: %v, want %v", a.says, got, a.want)
		}
	}
}

func TestEveryAnswerIsLookedAt(t *testing.T) {
	c, sealed := Challenge{Algorithm: SHA256, K: Subpuzzles, Threshold: Threshold(4096)}, Sealed(counting(sealedSize))
	answers := Solve(&c, &sealed)
	for i := range uint32(Subpuzzles) {
		wrong, nonce := slices.Clone(answers), uint32(math.MaxUint32)
		for Hash(&sealed, i, nonce) < c.Threshold {
			nonce--
		}
		binary.BigEndian.PutUint32(wrong[4*i:], nonce)
		if err := c.Solved(&sealed, wrong); err != ErrWrong {
			t.Errorf("answer %d is wrong: %v, want %v", i, err, ErrWrong)
		}
	}
}

func TestAHashAtTheThresholdIsNotBelowIt(t *testing.T) {
	var sealed Sealed
	c, answers := Challenge{Algorithm: SHA256, K: 1, Threshold: Hash(&Sealed{}, 0, 0)}, make([]byte, 4)
	if got := c.Solved(&sealed, answers); got != ErrWrong {
		t.Errorf("at the threshold: %v, want %v", got, ErrWrong)
	}
	if c.Threshold++; c.Solved(&sealed, answers) != nil {
		t.Error("one below the threshold is refused")
	}
}

func TestAnAnswerIsGoodForItsSubpuzzleOnly(t *testing.T) {
	c, sealed := Challenge{Algorithm: SHA256, K: Subpuzzles, Threshold: Threshold(4096)}, Sealed(counting(sealedSize))
	answers := Solve(&c, &sealed)
	for i := range answers[4:] {
		copy(answers[4+i/4*4:], answers[:4])
	}
	if err := c.Solved(&sealed, answers); err != ErrWrong {
		t.Errorf("one nonce for all: %v, want %v", err, ErrWrong)
	}
}

func TestWhatCannotBeSolvedEnds(t *testing.T) {
	if got := Solve(&Challenge{Algorithm: SHA256, K: 1}, &Sealed{}); got != nil {
		t.Errorf("a threshold of 0 was solved with %x", got)
	}
}

func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		hashes float64
		want   uint32
	}{
		{math.NaN(), math.MaxUint32},
		{math.Inf(-1), math.MaxUint32},
		{-1, math.MaxUint32},
		{0, math.MaxUint32},
		{Subpuzzles, math.MaxUint32},
		{math.Nextafter(Subpuzzles, 33), math.MaxUint32},
		{2 * Subpuzzles, 1 << 31},
		{4096, 1 << 25},
		{1 << 31, 64},
		{1 << 32, 64},
		{math.MaxFloat64, 64},
		{math.Inf(1), 64},
	} {
		if got := Threshold(c.hashes); got != c.want {
			t.Errorf("%g hashes: %d, want %d", c.hashes, got, c.want)
		}
	}
}

// TestSolvingCostsWhatThresholdSays solves 400 challenges, the same in each
// run. The mean of 400 has a standard deviation of 0.9 %.
func TestSolvingCostsWhatThresholdSays(t *testing.T) {
	const solves, want = 400, 1024.0
	c := Challenge{Algorithm: SHA256, K: Subpuzzles, Threshold: Threshold(want)}
	costs, sum, squares := make([]float64, solves), 0.0, 0.0
	for i := range costs {
		var sealed Sealed
		copy(sealed[:], fmt.Sprint("challenge ", i))
		for answer := range slices.Chunk(Solve(&c, &sealed), 4) {
			costs[i] += float64(binary.BigEndian.Uint32(answer)) + 1
		}
		sum += costs[i]
		squares += costs[i] * costs[i]
	}
	slices.Sort(costs)
	mean := sum / solves
	deviation := math.Sqrt(squares/solves-mean*mean) / mean
	median, p99 := costs[solves/2], costs[solves*99/100]
	t.Logf("mean %.0f hashes, deviation %.1f %%, median %.0f, p99 %.0f", mean, 100*deviation, median, p99)
	if math.Abs(mean/want-1) > 0.03 {
		t.Errorf("%.0f hashes in the mean, want %.0f", mean, want)
	}
	if deviation > 0.2 || p99 > 1.5*median {
		t.Errorf("deviation %.1f %%, p99 %.2f of the median; want 18 %% and 1.5 at most", 100*deviation, p99/median)
	}
}
