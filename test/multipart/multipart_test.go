// Package multipart compares our reading of forms with those of the parsers that shops use:
// PHP, busboy of Node, Werkzeug of Python, and Go. What we accept they read alike.
package multipart

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const boundaryType = "multipart/form-data; boundary=b00dary"

func part(head, content string) string { return "--b00dary\r\n" + head + "\r\n\r\n" + content + "\r\n" }

const end = "--b00dary--\r\n"

const named = "Content-Disposition: form-data; name=\"a\""

// clients are forms as clients write them; all are accepted.
var clients = []struct{ contentType, body string }{
	{boundaryType, part(named, "v") + end},
	{boundaryType, part(named, "") + part("Content-Disposition: form-data; name=\"b[c][]\"", "zwei\r\nZeilen\n") + end},
	{boundaryType, part(named+"; filename=\"ä b.jpg\"\r\nContent-Type: image/jpeg", "JFIF\x00\r\n--x") + end},
	{boundaryType, part(named+"; filename=\"\"\r\nContent-Type: application/octet-stream", "") + end},
	{boundaryType, part(named+"; filename=\"a.jpg\"; filename*=UTF-8''%C3%A4.jpg", "JFIF") + end},
	{boundaryType, part("content-disposition: form-data; name=\"a\"\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-transfer-encoding: binary", "Größlein") + end},
	{boundaryType, part("Content-Disposition: form-data; name=a\r\nContent-Length: 1", "v") + "--b00dary--"},
	{"multipart/form-data;boundary=----geckoformboundary4a7acee3709293e1;charset=UTF-8", strings.ReplaceAll(part(named, "v")+end, "b00dary", "----geckoformboundary4a7acee3709293e1")},
	{`multipart/form-data; charset=utf-8; boundary="b00dary"`, part(named, "v") + end},
	{"multipart/form-data;boundary=*****", strings.ReplaceAll(part(named, "v")+end, "b00dary", "*****")},
	{boundaryType, "\r\n" + part(named, "v") + end},
	{boundaryType, part(named+`; filename="C:\fakepath\ä.jpg"`, "JFIF") + end},
	{boundaryType, part("Content-Disposition: form-data; name=a; filename=\"=?utf-8?B?w6QuanBn?=\"; filename*=utf-8''%C3%A4.jpg", "JFIF") + end},
	{boundaryType, end},
}

// bypasses are forms in which some parser takes for a field what another takes for a file.
var bypasses = []struct{ name, contentType, body string }{
	{"filename* alone", boundaryType, part(named+"; filename*=UTF-8''a.jpg", "attack") + end},
	{"a blank before =", boundaryType, part(named+"; filename =\"a.jpg\"", "attack") + end},
	{"apostrophes", boundaryType, part(named+"; x='; filename=\"a.jpg\"; y='", "attack") + end},
	{"a boundary behind a line feed", boundaryType, part(named+"; filename=\"a.jpg\"", "JFIF\n--b00dary\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nattack") + end},
	{"a boundary in a type", `multipart/form-data; type="boundary=zz"; boundary=b00dary`, "--zz\"\r\n" + named + "\r\n\r\nattack\r\n--zz\"--\r\n" + part(named, "v") + end},
	{"Boundary and boundary", "multipart/form-data; Boundary=b00dary; x-boundary=zz", part(named+"; filename=\"a.jpg\"", "--zz\r\n"+named+"\r\n\r\nattack\r\n--zz--") + end},
	{"charset*", boundaryType, part(named+"\r\nContent-Type: text/plain; charset*=utf-8''utf-7", "+ADw-script+AD4-") + end},
	{"a folder", boundaryType, part(named+"; filename=\"a.php/\"", "attack") + end},
	{"the end first", boundaryType, end + part(named, "attack") + end},
	{"no line for the body", boundaryType, "--b00dary\r\n" + named + "\r\n\r\n" + part("Content-Disposition: form-data; name=\"b\"; filename=\"a.jpg\"", "attack") + end},
}

// TestClients: forms as clients write them are accepted, and read by all alike.
func TestClients(t *testing.T) {
	all := theirs(t)
	for _, c := range clients {
		if got := ours(t, c.contentType, []byte(c.body)); got.Error != "" {
			t.Errorf("%s %q: refused: %s", c.contentType, c.body, got.Error)
		}
		if why := difference(t, ours, all, c.contentType, []byte(c.body)); why != "" {
			t.Errorf("%s %q: %s", c.contentType, c.body, why)
		}
		for name, read := range all {
			if got := read(t, c.contentType, []byte(c.body)); got.Error != "" {
				t.Errorf("%s %q: %s refuses it: %s", c.contentType, c.body, name, got.Error)
			}
		}
	}
}

// TestBypasses: each is refused by us, and caught by the comparison where a firewall reads
// forms with Go's parser.
func TestBypasses(t *testing.T) {
	all := theirs(t)
	for _, c := range bypasses {
		if got := ours(t, c.contentType, []byte(c.body)); got.Error == "" {
			t.Errorf("%s: accepted", c.name)
		}
		if why := difference(t, byGo, all, c.contentType, []byte(c.body)); why == "" {
			t.Errorf("%s: a lenience goes unnoticed", c.name)
		}
	}
}

// difference says what a parser reads that a firewall does not, or otherwise; "" if there is
// nothing, or the firewall refuses the form.
func difference(t testing.TB, firewall reader, all map[string]reader, contentType string, body []byte) string {
	t.Helper()
	seen := firewall(t, contentType, body)
	if seen.Error != "" {
		return ""
	}
	isForm := strings.EqualFold(strings.TrimRight(strings.SplitN(contentType, ";", 2)[0], " \t"), "multipart/form-data")
	for name, read := range all {
		got := read(t, contentType, body)
		for i, value := range got.Values {
			if !seen.has(value, got.Names, i) {
				return fmt.Sprintf("%s has the field %q %q, and the firewall %q %q", name, got.Names, value, seen.Names, seen.Values)
			}
		}
		for _, file := range got.Files { // of a folder PHP makes no name
			if file != "" && !slices.ContainsFunc(seen.Files, func(f string) bool { return sameFile(f, file) }) {
				return fmt.Sprintf("%s has the file %q, and the firewall %q", name, file, seen.Files)
			}
		}
		if isForm && name != "PHP" && got.Error == "" && (len(got.Values) < len(slices.DeleteFunc(slices.Clone(seen.Values), isEmpty)) || len(got.Files) > len(seen.Files)) {
			return fmt.Sprintf("%s reads %d fields and %d files, and the firewall %d and %d", name, len(got.Values), len(got.Files), len(seen.Values), len(seen.Files))
		}
	}
	return ""
}

// has reports whether there is a field of this value, and of the i-th name unless PHP has
// changed the names.
func (f *form) has(value string, names []string, i int) bool {
	for j := range f.Values {
		if sameText(f.Values[j], value) && (names == nil || sameText(f.Names[j], names[i])) {
			return true
		}
	}
	return false
}

func isEmpty(text string) bool { return text == "" }

// sameFile compares names of files, which some cut behind the last / or \.
func sameFile(ours, theirs string) bool {
	return sameText(ours, theirs) || sameText(ours[strings.LastIndexByte(ours, '/')+1:], theirs) || sameText(ours[strings.LastIndexAny(ours, `/\`)+1:], theirs)
}

// sameText compares texts. Werkzeug replaces what is not UTF-8, and busboy's names are bytes.
func sameText(ours, theirs string) bool {
	return ours == theirs || strings.ToValidUTF8(ours, "\ufffd") == strings.ToValidUTF8(theirs, "\ufffd") ||
		!utf8.ValidString(ours) && strings.Contains(theirs, "\ufffd")
}
