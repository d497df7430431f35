package incident

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/watch"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"2,140/s, usual 0.4; 1,130 clients, 0 pictures": "2,140/s, usual 0.4; 1,130 clients, 0 pictures",
		"pin 2 for 1h, see ticket 4711 (Müller)":        "pin 2 for 1h, see ticket 4711 (Müller)",
		"at 10:42:07 and/or 11:00, 95 % of 3/4":         "at 10:42:07 and/or 11:00, 95 % of 3/4",
		"Löwen & Söhne <am Markt>":                      "Löwen & Söhne <am Markt>",
		"from 192.0.2.7, mostly":                        "from [address], mostly",
		"ban 192.0.2.0/24":                              "ban [address]",
		"(192.0.2.7:443)":                               "([address])",
		"the client ip=192.0.2.7 came":                  "the client [address] came",
		"2001:db8::1":                                   "[address]",
		"[2001:db8::1]:8080":                            "[address]",
		"net 2001:db8:12:34::/56 and ::1":               "net [address] and [address]",
		"::ffff:192.0.2.7":                              "[address]",
		"fe80::1%eth0":                                  "[address]",
		"mail to max@example.org":                       "mail to [address]",
		"GET /suche?q=ibuprofen":                        "GET [path]",
		"/konto/bestellung/17":                          "[path]",
		"https://loewen.example/konto":                  "[path]",
		"loewen.example/konto":                          "[path]",
		"they ask for q=ibuprofen&page=2":               "they ask for [value]",
		"q=ibuprofen%20600":                             "[value]",
		"?utm_source=x":                                 "[value]",
		"one\nline\tonly\x00\u202e":                     "one line only",
		"\xff\xfe":                                      "�",
		strings.Repeat("word ", 30):                     strings.TrimSpace(strings.Repeat("word ", 23)) + " …",
		strings.Repeat("w", 200):                        "…",
		"":                                              "",
	} {
		got := clean(text, 120)
		if got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if again := clean(got, 120); again != got {
			t.Errorf("%q became %q the second time", got, again)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("from 192.0.2.7 to /konto?x=y 2001:db8::1", 30)
	f.Add("1.2.3.4.5.6.7.8", 50)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = 10 + most&0xff
		got := clean(text, most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("%q became %q of %d bytes, at most %d", text, got, len(got), most)
		}
		if found := forbidden.FindString(got); found != "" {
			t.Errorf("%q became %q, with %q", text, got, found)
		}
	})
}

// forbidden finds what no record, ledger or report may hold: addresses of both kinds, paths,
// queries, mail addresses. It is written without regard to what clean does.
var forbidden = regexp.MustCompile(`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}` +
	`|[0-9a-fA-F]{1,4}::|::[0-9a-fA-F]|([0-9a-fA-F]{1,4}:){4,}` +
	`|://|(^|\s)/\w|\?\w+=|\w@\w`)

// secrets are what the stories plant wherever a text comes in.
const secrets = `from 192.0.2.7 and 2001:db8:1:2:3:4:5:6 or 2001:db8::7 for /konto/bestellung?nr=4711 by max@example.org`

// TestNothingOfClients: what is planted in every text comes out nowhere.
func TestNothingOfClients(t *testing.T) {
	w := newWorld(t, flood).run(0, 150)
	rec := w.rec.Open()[0]
	w.rec.Edges("fra-1", secrets)
	w.rec.Level(LevelChange{At: at(150), Shop: "loewen", To: 3, By: secrets, Why: secrets})
	rec.AddAct(Act{at(150), secrets, secrets})
	rec.AddNote(Act{at(150), secrets, secrets})
	rec.addGap(Gap{at(140), at(141), secrets})
	sources := NewSources()
	sources.Add(keyOf("192.0.2.7", 0), keyOf("192.0.2.0/24", 0))
	w.rec.Sources("loewen", watch.SearchFlood, sources)
	r := w.run(151, 1100).one()
	stored, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	out := stored
	for _, l := range Ledger(r, DefaultTargets()) {
		line, err := marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		out = append(append(out, '\n'), line...)
	}
	if found := forbidden.Find(out); found != nil {
		t.Errorf("the record has %q:\n%s", found, out)
	}
	if n := bytes.Count(out, []byte(noAddress)); n < 8 {
		t.Errorf("%d addresses were removed, want some of each text", n)
	}

	// The same, written past the ways in, as a stored record could be.
	rec.Notes[0].Text = secrets
	unclean, err := Encode(rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"192.0.2.7", "2001:db8::7", "/konto", "?nr=", "max@example.org"} {
		if !bytes.Contains(unclean, []byte(secret)) || !forbidden.MatchString(" "+secret+"4") {
			t.Errorf("the search would not find %s", secret)
		}
	}
	read, err := Decode(unclean)
	if err != nil {
		t.Fatal(err)
	}
	if found := forbidden.FindString(read.Notes[0].Text); found != "" {
		t.Errorf("a record that was read has %q", found)
	}
}
