package solver

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/challenge/pow"
)

func TestSolution(t *testing.T) {
	raw := make([]byte, len(pow.Sealed{}))
	raw[1], raw[2] = byte(pow.SHA256), 3
	binary.BigEndian.PutUint32(raw[4:], 1<<28)
	text, err := solution(base64.RawURLEncoding.EncodeToString(raw))
	if parts := strings.Split(text, "."); err != nil || len(parts) != 3 || len(parts[1]) != 16 {
		t.Errorf("three sub-puzzles: %q, %v; want token.nonces.milliseconds with 16 letters of nonces", text, err)
	}
	raw[1] = 255 // no algorithm
	for _, token := range []string{"", "AAAA", "!", base64.RawURLEncoding.EncodeToString(raw)} {
		if text, err := solution(token); err == nil {
			t.Errorf("%q is solved by %q", token, text)
		}
	}
}
