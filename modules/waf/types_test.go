package waf

import "testing"

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		media, family string
		want          bool
	}{
		{"image/heic", "image/*", true},
		{"application/fhir+json", "*/*+json", true},
		{"application/fhir+xml", "application/*+xml", true},
		{"text/csv", "image/*", false},
		{"application/json", "*/*+json", false},
		{"application/+json", "*/*+json", false},
		{"image/a|b", "image/*", false},
		{"image", "image/*", false},
	} {
		if got := isOf(c.media, c.family); got != c.want {
			t.Errorf("%s of %s: %t, want %t", c.media, c.family, got, c.want)
		}
	}
	for media, valid := range map[string]bool{
		"text/csv": true, "image/*": true, "*/*+json": true, "application/*+xml": true,
		"*": false, "*/*": false, "json": false, "a b/c": false, "a/b|c": false, "*/json": false, "a/*b": false, "": false,
	} {
		if err := checkType(media); (err == nil) != valid {
			t.Errorf("%q: %v, want valid %t", media, err, valid)
		}
	}
}
