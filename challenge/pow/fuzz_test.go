package pow

import (
	"math"
	"strings"
	"testing"
	"time"
)

// The three targets share one shape. The text is opened as it is: nothing must
// panic, and what is accepted has that text only. Then the body is signed, as
// no fuzzer could: whatever its fields say, it must be accepted and come back.

// fuzzed runs fuzz with texts and bodies worth beginning with.
func fuzzed(f *testing.F, text string, fuzz func(t *testing.T, text string, body []byte, at int64)) {
	for _, at := range []int64{noon.Unix(), 0, -1, math.MaxInt64, math.MinInt64} {
		f.Add(text, counting(passSize), at)
		f.Add(strings.ToLower(text), make([]byte, passSize), at)
		f.Add(text[1:]+"\n", []byte{}, at)
	}
	f.Fuzz(fuzz)
}

// genuine reports whether err says that a token is ours.
func genuine(err error) bool { return err == nil || err == ErrExpired || err == ErrEarly }

func FuzzOpenChallenge(f *testing.F) {
	k, c := keysOf(f, "secret"), challenge()
	fuzzed(f, string(k.AppendChallenge(nil, &c, noon)), func(t *testing.T, text string, body []byte, at int64) {
		same := func(text string, now time.Time) (accepted bool) {
			c, sealed, err := k.OpenChallenge(text, now)
			if !genuine(err) {
				return false
			}
			w := c.wire(sealed[3])
			if got := string(k.challenges[0].opening(now, sealed[3]).seal(nil, w[:])); got != text {
				t.Errorf("%q was accepted, and is %q", text, got)
			}
			if err := c.Solved(&sealed, body); err == nil && len(body) == 0 {
				t.Errorf("%+v was solved by nothing", c)
			}
			return true
		}
		now := time.Unix(at, 0)
		same(text, now)
		var w Sealed
		copy(w[:], body)
		key := k.challenges.sealing(now)
		w[0], w[3] = typeChallenge, key.id
		if !same(string(key.seal(nil, w[:])), now) {
			t.Errorf("%x was signed and not accepted", w)
		}
	})
}

func FuzzOpenPass(f *testing.F) {
	k, p := keysOf(f, "secret"), pass()
	fuzzed(f, string(k.AppendPass(nil, &p, noon)), func(t *testing.T, text string, body []byte, at int64) {
		same := func(text string, now time.Time) (accepted bool) {
			p, err := k.OpenPass(text, now)
			if !genuine(err) {
				return false
			}
			token, _ := encoding.DecodeString(text)
			w := p.wire(token[1])
			if got := string(k.passes[0].opening(now, token[1]).seal(nil, w[:])); got != text {
				t.Errorf("%q was accepted, and is %q", text, got)
			}
			return true
		}
		now := time.Unix(at, 0)
		same(text, now)
		var w [passSize]byte
		copy(w[:], body)
		key := k.passes.sealing(now)
		w[0], w[1] = typePass, key.id
		if !same(string(key.seal(nil, w[:])), now) {
			t.Errorf("%x was signed and not accepted", w)
		}
	})
}

func FuzzOpenStamp(f *testing.F) {
	k := keysOf(f, "secret")
	s := stamp()
	fuzzed(f, string(k.AppendStamp(nil, &s, noon)), func(t *testing.T, text string, body []byte, at int64) {
		same := func(text string, now time.Time) (accepted bool) {
			s, err := k.OpenStamp(text, now)
			if !genuine(err) {
				return false
			}
			token, _ := encoding.DecodeString(text)
			w := s.wire(token[1])
			if got := string(k.stamps[0].opening(now, token[1]).seal(nil, w[:])); got != text {
				t.Errorf("%q was accepted, and is %q", text, got)
			}
			return true
		}
		now := time.Unix(at, 0)
		same(text, now)
		var w [stampSize]byte
		copy(w[:], body)
		key := k.stamps.sealing(now)
		w[0], w[1] = typeStamp, key.id
		if !same(string(key.seal(nil, w[:])), now) {
			t.Errorf("%x was signed and not accepted", w)
		}
	})
}
