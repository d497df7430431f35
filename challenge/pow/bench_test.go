package pow

import (
	"strings"
	"testing"
	"time"
)

// sink keeps the compiler from dropping what is measured.
var sink byte

// BenchmarkIssue measures new tokens, written to where there is room.
func BenchmarkIssue(b *testing.B) {
	k, room := keysOf(b, "secret"), make([]byte, 0, 64)
	b.Run("challenge", func(b *testing.B) {
		b.ReportAllocs()
		c := challenge()
		for b.Loop() {
			sink = k.AppendChallenge(room, &c, noon)[0]
		}
	})
	b.Run("pass", func(b *testing.B) {
		b.ReportAllocs()
		p := pass()
		for b.Loop() {
			sink = k.AppendPass(room, &p, noon)[0]
		}
	})
	s := stamp()
	b.Run("stamp", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = k.AppendStamp(room, &s, noon)[0]
		}
	})
}

// BenchmarkOpenForged measures a token that is right but for its secret.
func BenchmarkOpenForged(b *testing.B) {
	k, c, p := keysOf(b, "another"), challenge(), pass()
	text := string(keysOf(b, "secret").AppendChallenge(nil, &c, noon))
	cookie := string(keysOf(b, "secret").AppendPass(nil, &p, noon))
	b.Run("challenge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := k.OpenChallenge(text, noon); err != ErrForged {
				b.Fatal(err)
			}
		}
	})
	b.Run("pass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.OpenPass(cookie, noon); err != ErrForged {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOpenMalformed measures what is not a token: by its length, and by its
// last letter.
func BenchmarkOpenMalformed(b *testing.B) {
	k := keysOf(b, "secret")
	for _, c := range []struct{ name, text string }{
		{"length", strings.Repeat("A", 4000)},
		{"alphabet", strings.Repeat("A", 58) + "!"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := k.OpenChallenge(c.text, noon); err != ErrMalformed {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify measures a solved challenge, from its text to a yes.
func BenchmarkVerify(b *testing.B) {
	k, c := keysOf(b, "secret"), challenge()
	text := string(k.AppendChallenge(nil, &c, noon))
	_, sealed, err := k.OpenChallenge(text, noon)
	if err != nil {
		b.Fatal(err)
	}
	answers := Solve(&c, &sealed)
	b.ReportAllocs()
	for b.Loop() {
		c, sealed, err := k.OpenChallenge(text, noon)
		if err == nil {
			err = c.Solved(&sealed, answers)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenPass measures what every request with a pass pays: with one secret, and
// while a tier changes to another for a pass of the new one and of the old.
func BenchmarkOpenPass(b *testing.B) {
	p := pass()
	of := func(k *Keys) string { return string(k.AppendPass(nil, &p, noon)) }
	for _, c := range []struct {
		name string
		keys *Keys
		text string
	}{
		{"one secret", keysOf(b, "new"), of(keysOf(b, "new"))},
		{"the first of two", rotating(b, "new", "old"), of(keysOf(b, "new"))},
		{"the second of two", rotating(b, "new", "old"), of(keysOf(b, "old"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.keys.OpenPass(c.text, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBinding measures the other thing that such a request pays.
func BenchmarkBinding(b *testing.B) {
	k := keysOf(b, "secret")
	agent := "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
	b.ReportAllocs()
	for b.Loop() {
		sink = byte(k.Binding("loewen", agent))
	}
}

// BenchmarkHash measures one try of a native solver.
func BenchmarkHash(b *testing.B) {
	var sealed Sealed
	b.ReportAllocs()
	for nonce := uint32(0); b.Loop(); nonce++ {
		sink = byte(Hash(&sealed, 0, nonce))
	}
}

// BenchmarkMidnight measures the first token of a day, which derives its keys.
func BenchmarkMidnight(b *testing.B) {
	k, now := keysOf(b, "secret"), noon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(24 * time.Hour)
		k.challenges[0].at(now)
	}
}
