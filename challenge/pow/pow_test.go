package pow

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// keysOf makes keys of a secret that is long enough.
func keysOf(t testing.TB, secret string) *Keys {
	t.Helper()
	k, err := NewKeys([]byte(secret + ", of which nobody knows"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func challenge() Challenge {
	return Challenge{
		Algorithm: SHA256, K: Subpuzzles, Level: 2, Rise: 1, Threshold: Threshold(4096),
		Expires: noon.Add(2 * time.Minute), Binding: 0x0123456789abcdef,
	}
}

func pass() Pass {
	return Pass{
		Kind: Work, Level: 2, Rise: 1, Issued: noon, Expires: noon.Add(time.Hour),
		Net: 0xfedcba9876543210, Binding: 0x0123456789abcdef,
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
	answers[len(answers)-1]++
	if err := got.Solved(&sealed, answers); err != ErrWrong {
		t.Errorf("another solution: %v, want %v", err, ErrWrong)
	}
}

func TestAPassAndAStampAreMadeAndOpened(t *testing.T) {
	k, p := keysOf(t, "secret"), pass()
	if got, err := k.OpenPass(string(k.AppendPass(nil, &p, noon)), noon); err != nil || got != p {
		t.Errorf("opened %+v, %v; want %+v", got, err, p)
	}
	stamp := string(k.AppendStamp(nil, "loewen", noon))
	if got, err := k.OpenStamp(stamp, "loewen", noon); err != nil || !got.Issued.Equal(noon) {
		t.Errorf("opened %+v, %v; want one of %s", got, err, noon)
	}
	if _, err := k.OpenStamp(stamp, "adler", noon); err != ErrForged {
		t.Errorf("at another shop: %v, want %v", err, ErrForged)
	}
}
