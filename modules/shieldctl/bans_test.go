package shieldctl

import "testing"

// TestTargets: what operators may name, and what it stands for.
func TestTargets(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "192.0.2.7/32": "192.0.2.7/32", "192.0.2.7/24": "192.0.2.0/24",
		"::ffff:192.0.2.7": "192.0.2.7/32", "2001:db8::1": "2001:db8::/64", "2001:db8::/64": "2001:db8::/64",
		"2001:db8:1:2::/48": "2001:db8:1::/48", " 192.0.2.7 ": "192.0.2.7/32",
		"192.0.2.0/23": "", "192.0.2.0/28": "", "2001:db8::/56": "", "2001:db8::/32": "", "0.0.0.0": "", "::": "",
		"224.0.0.1": "", "ff02::1": "", "": "", "192.0.2": "", "192.0.2.0/33": "",
	} {
		got, err := parseTarget(text)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v; want %q", text, got, err, want)
		}
	}
}
