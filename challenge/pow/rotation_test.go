package pow

import (
	"slices"
	"testing"
	"time"
)

// rotating makes keys of several secrets, the first of which issues.
func rotating(t testing.TB, names ...string) *Keys {
	t.Helper()
	secrets := make([][]byte, len(names))
	for i, name := range names {
		secrets[i] = []byte(name + ", of which nobody knows")
	}
	k, err := NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestATierChangesItsSecret lets an edge of each step open what an edge of each step issued.
// Edges two steps apart never meet.
func TestATierChangesItsSecret(t *testing.T) {
	steps := []struct {
		says    string
		secrets []string
	}{
		{"before", []string{"old"}},
		{"the new one is accepted", []string{"old", "new"}},
		{"the new one signs", []string{"new", "old"}},
		{"after", []string{"new"}},
	}
	for i, issuer := range steps {
		for j, opener := range steps {
			var want error
			if !slices.Contains(opener.secrets, issuer.secrets[0]) {
				want = ErrForged
			}
			if apart := j - i; apart >= -1 && apart <= 1 && want != nil {
				t.Errorf("issued %s, opened %s: there is a gap between two steps", issuer.says, opener.says)
			}
			from, to := rotating(t, issuer.secrets...), rotating(t, opener.secrets...)
			challenge, pass, stamp := challenge(), pass(), stamp()
			_, _, c := to.OpenChallenge(string(from.AppendChallenge(nil, &challenge, noon)), noon)
			_, p := to.OpenPass(string(from.AppendPass(nil, &pass, noon)), noon)
			_, s := to.OpenStamp(string(from.AppendStamp(nil, &stamp, noon)), noon)
			if c != want || p != want || s != want {
				t.Errorf("issued %s, opened %s: challenge %v, pass %v, stamp %v; want %v", issuer.says, opener.says, c, p, s, want)
			}
		}
	}
}

// TestTokensSayWhichSecretSealedThem: hashes in a token are those of its secret.
func TestTokensSayWhichSecretSealedThem(t *testing.T) {
	k := rotating(t, "new", "old", "oldest")
	for want, name := range []string{"new", "old", "oldest"} {
		alone := keysOf(t, name)
		p := pass()
		p.Binding = alone.Binding("loewen", "Mozilla")
		got, err := k.OpenPass(string(alone.AppendPass(nil, &p, noon)), noon)
		if err != nil || got.Secret != want || got.Binding != k.BindingBy(got.Secret, "loewen", "Mozilla") {
			t.Errorf("of the secret %s: %+v, %v", name, got, err)
		}
		if s := stamp(); want != sealedBy(t, k, alone.AppendStamp(nil, &s, noon)) {
			t.Errorf("of the secret %s: the stamp says another", name)
		}
	}
	if k.Binding("loewen", "Mozilla") == k.BindingBy(1, "loewen", "Mozilla") {
		t.Error("both secrets bind alike")
	}
}

func sealedBy(t *testing.T, k *Keys, text []byte) int {
	t.Helper()
	s, err := k.OpenStamp(string(text), noon)
	if err != nil {
		t.Fatal(err)
	}
	return s.Secret
}

// TestStampsOfAnOlderSecretLiveAsLong: a customer that comes back after a year has the stamp
// of a secret that is still accepted.
func TestStampsOfAnOlderSecretLiveAsLong(t *testing.T) {
	s := stamp()
	s.Issued = noon
	text := string(keysOf(t, "old").AppendStamp(nil, &s, noon))
	for after, want := range map[time.Duration]error{StampLife - time.Hour: nil, StampLife: ErrExpired} {
		if _, err := rotating(t, "new", "old").OpenStamp(text, noon.Add(after)); err != want {
			t.Errorf("after %s: %v, want %v", after, err, want)
		}
	}
}

func TestHowManySecrets(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: true, MaxSecrets: true, MaxSecrets + 1: false} {
		secrets := make([][]byte, n)
		for i := range secrets {
			secrets[i] = make([]byte, MinSecret)
		}
		if _, err := NewKeys(secrets...); (err == nil) != ok {
			t.Errorf("%d secrets: %v", n, err)
		}
	}
	if _, err := NewKeys(make([]byte, MinSecret), make([]byte, MinSecret-1)); err == nil {
		t.Error("a second one that is too short is taken")
	}
}
