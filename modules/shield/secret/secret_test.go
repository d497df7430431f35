package secret

import (
	"slices"
	"strings"
	"testing"
)

const (
	old   = "the old one of sixteen bytes or more"
	fresh = "the new one of sixteen bytes or more"
)

func TestOneSecretInEachLine(t *testing.T) {
	for text, want := range map[string]string{
		old: "1", old + "\r\n\n" + fresh + "\n": "2", "": "it is empty", "\n \n": "it is empty",
		old + "\nshort":             "line 2: the secret has 5 bytes",
		strings.Repeat(old+"\n", 4): "4 secrets; want 1 to 3",
	} {
		s, err := Parse(text)
		switch {
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v, want %s", text, err, want)
		case err == nil && (want != "1" && want != "2" || len(s.Hashers) != int(want[0]-'0')):
			t.Errorf("%q: %d secrets, want %s", text, len(s.Hashers), want)
		}
	}
}

func TestFingerprintsTellSecretsApart(t *testing.T) {
	one, err := Parse(old + "\n" + fresh)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Parse(fresh)
	if err != nil {
		t.Fatal(err)
	}
	prints := one.Fingerprints()
	if prints[0] == prints[1] || prints[1] != other.Fingerprints()[0] || strings.Contains(old, prints[0]) || len(prints[0]) != 9 {
		t.Errorf("got %q and %q", prints, other.Fingerprints())
	}
	random, err := Random()
	if err != nil || slices.Contains(prints, random.Fingerprints()[0]) {
		t.Errorf("a random one: %v, %v", random, err)
	}
}

// TestUnlike: edges that a tier has on its way to another secret are alike.
func TestUnlike(t *testing.T) {
	for theirs, want := range map[string]string{
		"a": "", "a b": "", "b a": "", "": "",
		"c a": "fra-2 uses c, which this edge does not accept",
		"b":   "fra-2 does not accept a",
	} {
		others := map[string][]string{"fra-2": strings.Fields(theirs)}
		if got := strings.Join(Unlike([]string{"a", "b"}, others), ", "); got != want {
			t.Errorf("%q: %q, want %q", theirs, got, want)
		}
	}
}
