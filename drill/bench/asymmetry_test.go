package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/challenge/pow"
)

func TestRateOfAWorker(t *testing.T) {
	sealed, nonce := puzzle(), uint32(0)
	for pow.Hash(&sealed, asymmetrySub, nonce) >= asymmetryThreshold {
		nonce++
	}
	right := fmt.Sprintf(`{"nonce":%d,"milliseconds":50}`, nonce)
	if got, err := rateOf([]byte(right)); err != nil || got != (float64(nonce)+1)*20 {
		t.Errorf("%s: %v hashes per second, %v; want %d", right, got, err, (nonce+1)*20)
	}
	for result, want := range map[string]string{
		fmt.Sprintf(`{"nonce":%d,"milliseconds":50}`, nonce+1): "its answer is wrong",
		fmt.Sprintf(`{"nonce":%d,"milliseconds":0}`, nonce):    "it reported",
		`{"error":"SyntaxError"}`:                              "SyntaxError",
		`{"nonce":`:                                            "reading",
		"":                                                     "reading",
	} {
		if got, err := rateOf([]byte(result)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", result, got, err, want)
		}
	}
}
