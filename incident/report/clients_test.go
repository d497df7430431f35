package report

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/incident"
)

// forbidden finds addresses of both kinds, paths, queries and mail addresses.
var forbidden = regexp.MustCompile(`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}` +
	`|[0-9a-fA-F]{1,4}::|::[0-9a-fA-F]|([0-9a-fA-F]{1,4}:){4,}` +
	`|://|(^|\s)/\w|\?\w+=|\w@\w`)

var style = regexp.MustCompile(`(?s)<style>.*</style>`)

const secrets = `from 192.0.2.7 and 2001:db8::7 for /konto/bestellung?nr=4711 by max@example.org`

// TestNothingOfClients: no report says more of a client than a record may, also where a stored
// record was changed by hand; and the search would find it.
func TestNothingOfClients(t *testing.T) {
	for _, story := range stories {
		for form, text := range all(t, of(t, story)) {
			if found := forbidden.FindString(style.ReplaceAllString(text, "")); found != "" {
				t.Errorf("%s as %s has %q", story, form, found)
			}
		}
	}
	stored, err := os.ReadFile("../testdata/flood.json")
	if err != nil {
		t.Fatal(err)
	}
	planted := bytes.ReplaceAll(stored, []byte(`"pin 3 for 1h"`), []byte(`"`+secrets+`"`))
	record, err := incident.Decode(planted)
	if err != nil {
		t.Fatal(err)
	}
	r := of(t, "flood")
	r.Record = record
	for form, text := range all(t, r) {
		text = style.ReplaceAllString(text, "")
		if found := forbidden.FindString(text); found != "" || !strings.Contains(text, "address") {
			t.Errorf("as %s, what was planted comes out as %q", form, found)
		}
	}
	record.People[0].Text = secrets // past every way in
	for form, text := range all(t, r) {
		if form == "md" {
			text = strings.ReplaceAll(text, `\`, "")
		}
		for _, secret := range []string{"192.0.2.7", "2001:db8::7", "/konto", "?nr=", "max@example.org"} {
			if !strings.Contains(text, secret) || !forbidden.MatchString(" "+secret+"4") {
				t.Errorf("as %s, the search would not find %s", form, secret)
			}
		}
	}
}
