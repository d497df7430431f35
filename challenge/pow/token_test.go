package pow

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func pass() Pass {
	return Pass{
		Kind: Work, Level: 2, Rise: 1, Issued: noon, Expires: noon.Add(time.Hour),
		Net: 0xfedcba9876543210, Binding: 0x0123456789abcdef,
	}
}

func stamp() Stamp {
	return Stamp{Issued: noon, Day: DayOf(noon), Net: 0xfedcba9876543210, Binding: 0x0123456789abcdef}
}

// A sample is one type of token: how to make one and how to open it.
type sample struct {
	name string
	text func(k *Keys) string
	open func(k *Keys, text string, now time.Time) error
}

// samples open into an error only, and complain of what is returned besides.
func samples(t *testing.T) []sample {
	return []sample{
		{"a challenge", func(k *Keys) string {
			c := challenge()
			return string(k.AppendChallenge(nil, &c, noon))
		}, func(k *Keys, text string, now time.Time) error {
			c, sealed, err := k.OpenChallenge(text, now)
			if refused(err) && (c != Challenge{} || sealed != Sealed{}) {
				t.Errorf("challenge %q: %v, and yet %+v", text, err, c)
			}
			return err
		}},
		{"a pass", func(k *Keys) string {
			p := pass()
			return string(k.AppendPass(nil, &p, noon))
		}, func(k *Keys, text string, now time.Time) error {
			p, err := k.OpenPass(text, now)
			if refused(err) && p != (Pass{}) {
				t.Errorf("pass %q: %v, and yet %+v", text, err, p)
			}
			return err
		}},
		{"a stamp", func(k *Keys) string {
			s := stamp()
			return string(k.AppendStamp(nil, &s, noon))
		}, func(k *Keys, text string, now time.Time) error {
			s, err := k.OpenStamp(text, now)
			if refused(err) && s != (Stamp{}) {
				t.Errorf("stamp %q: %v, and yet %+v", text, err, s)
			}
			return err
		}},
	}
}

// refused reports whether nothing was found out about a token.
func refused(err error) bool { return err == ErrMalformed || err == ErrForged }

func TestAllValuesOfAllFieldsComeBack(t *testing.T) {
	k := keysOf(t, "secret")
	for name, want := range challenges() {
		got, sealed, err := k.OpenChallenge(string(k.AppendChallenge(nil, &want, noon)), noon)
		if err != nil || got != want {
			t.Errorf("challenge, %s: %+v, %v; want %+v", name, got, err, want)
		}
		if w := got.wire(sealed[3]); !slices.Equal(w[:sealedSize-macSize], sealed[:sealedSize-macSize]) {
			t.Errorf("challenge, %s: sealed is %x, want %x", name, sealed, w)
		}
	}
	for name, want := range stamps() {
		if got, err := k.OpenStamp(string(k.AppendStamp(nil, &want, noon)), noon); err != nil || got != want {
			t.Errorf("stamp, %s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for name, want := range passes() {
		if got, err := k.OpenPass(string(k.AppendPass(nil, &want, noon)), noon); err != nil || got != want {
			t.Errorf("pass, %s: %+v, %v; want %+v", name, got, err, want)
		}
	}
}

func TestVectorsOpen(t *testing.T) {
	all := made(t)
	k, err := NewKeys(counting(MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all.Challenges {
		if _, _, err := k.OpenChallenge(v.Text, noon); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	for _, v := range all.Passes {
		if _, err := k.OpenPass(v.Text, noon); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	for _, v := range all.Stamps {
		if _, err := k.OpenStamp(v.Text, noon); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

func TestTokensAreAppendedAndEachIsNew(t *testing.T) {
	k := keysOf(t, "secret")
	for _, s := range samples(t) {
		if a, b := s.text(k), s.text(k); a == b {
			t.Errorf("%s was made twice: %s", s.name, a)
		}
	}
	c := challenge()
	text := string(k.AppendChallenge([]byte("/?c="), &c, noon))
	if got, _, err := k.OpenChallenge(strings.TrimPrefix(text, "/?c="), noon); err != nil || got.ID != c.ID {
		t.Errorf("%q: ID %x, %v; want %x", text, got.ID, err, c.ID)
	}
}

func TestATokenWithOneBitChangedIsRefused(t *testing.T) {
	k := keysOf(t, "secret")
	for _, s := range samples(t) {
		token, err := encoding.DecodeString(s.text(k))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range 8 * len(token) {
			token[bit/8] ^= 1 << (bit % 8)
			want := ErrForged
			if bit < 8 {
				want = ErrMalformed
			}
			if got := s.open(k, encoding.EncodeToString(token), noon); got != want {
				t.Errorf("%s, bit %d changed: %v, want %v", s.name, bit, got, want)
			}
			token[bit/8] ^= 1 << (bit % 8)
		}
		if err := s.open(k, encoding.EncodeToString(token), noon); err != nil {
			t.Errorf("%s, changed back: %v", s.name, err)
		}
	}
}

func TestSplicedTokensAreRefused(t *testing.T) {
	k := keysOf(t, "secret")
	for _, s := range samples(t) {
		a, b := s.text(k), s.text(k)
		for _, spliced := range []string{a[:len(a)-16] + b[len(b)-16:], b[:len(b)/2] + a[len(a)/2:]} {
			if got := s.open(k, spliced, noon); got != ErrForged {
				t.Errorf("%s of two halves: %v, want %v", s.name, got, ErrForged)
			}
		}
	}
}

func TestATokenHasOneText(t *testing.T) {
	k := keysOf(t, "secret")
	for _, s := range samples(t) {
		text := s.text(k)
		last := text[:len(text)-1]
		for says, text := range map[string]string{
			"nothing":              "",
			"its first letter":     text[:1],
			"a letter less":        last,
			"a letter more":        text + "A",
			"padding":              text + "=",
			"padding at its end":   last + "=",
			"a space at its end":   last + " ",
			"a line end inside":    text[:8] + "\n" + text[9:],
			"a line end more":      text + "\r\n",
			"a line end before":    "\n" + text[:len(text)-1],
			"line ends at its end": text[:(len(text)-1)/4*4] + "\n\n\n\n"[:(len(text)-1)%4+1],
			"the other alphabet":   "+/" + text[2:],
			"a letter of no byte":  text[:4] + "\x00" + text[5:],
			"a letter of two":      text[:4] + "ä" + text[6:],
			"thousands":            strings.Repeat(text, 1000),
		} {
			if got := s.open(k, text, noon); got != ErrMalformed {
				t.Errorf("%s, %s: %v, want %v", s.name, says, got, ErrMalformed)
			}
		}
	}
	// Two of the 354 bits of a challenge's letters do not belong to its 352.
	c := challenge()
	text := k.AppendChallenge(nil, &c, noon)
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text[58] = alphabet[strings.IndexByte(alphabet, text[58])|1]
	if _, _, got := k.OpenChallenge(string(text), noon); got != ErrMalformed {
		t.Errorf("bits beyond the last byte: %v, want %v", got, ErrMalformed)
	}
}

func TestOneTypeIsNotTakenForAnother(t *testing.T) {
	k := keysOf(t, "secret")
	for _, made := range samples(t) {
		for _, opened := range samples(t) {
			if got := opened.open(k, made.text(k), noon); made.name != opened.name && got != ErrMalformed {
				t.Errorf("%s opened as %s: %v, want %v", made.name, opened.name, got, ErrMalformed)
			}
		}
	}
	// Were it not for its first byte and its length, the keys still differ.
	p := pass()
	w := p.wire(k.passes.sealing(noon).id)
	for says, r := range map[string]rings{"a challenge": k.challenges, "a stamp": k.stamps} {
		key := r.sealing(noon)
		if _, got := k.OpenPass(string(key.seal(nil, w[:])), noon); got != ErrForged {
			t.Errorf("a pass signed as %s: %v, want %v", says, got, ErrForged)
		}
	}
}

func TestTokensOfAnotherVersionAreMalformed(t *testing.T) {
	k, p := keysOf(t, "secret"), pass()
	key := k.passes.sealing(noon)
	w := p.wire(key.id)
	w[0]++
	if _, got := k.OpenPass(string(key.seal(nil, w[:])), noon); got != ErrMalformed {
		t.Errorf("version 2: %v, want %v", got, ErrMalformed)
	}
}

func TestForgedTokensAreToldNothing(t *testing.T) {
	k, other := keysOf(t, "secret"), keysOf(t, "another")
	for _, s := range samples(t) {
		for says, now := range map[string]time.Time{
			"in its time": noon, "after it": noon.Add(23 * time.Hour), "before it": noon.Add(-11 * time.Hour),
		} {
			if got := s.open(k, s.text(other), now); got != ErrForged {
				t.Errorf("%s, %s: %v, want %v", s.name, says, got, ErrForged)
			}
		}
	}
}
