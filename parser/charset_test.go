package parser

import "testing"

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		charset, body, want string
	}{
		{"", "Müller \xff", "Müller \xff"},
		{"UTF-8", "Müller", "Müller"},
		{"utf8", "\xc0\xae", "\xc0\xae"},
		{"us-ascii", "Mueller", "Mueller"},
		{"ASCII", "M\xfcller", "no"},
		{"ISO-8859-1", "M\xfcller \x80 \xa4", "Müller \u0080 ¤"},
		{"latin1", "Mueller", "Mueller"},
		{"iso-8859-15", "9,95 \xa4", "9,95 €"},
		{"latin9", "\xbc", "Œ"},
		{"Windows-1252", "50 g \x96 9,95 \x80", "50 g – 9,95 €"},
		{"cp1252", "\x81", "\ufffd"},
		{"utf-7", "+ADw-", "no"},
		{"utf-16", "<\x00", "no"},
		{"utf-16le", "abc", "no"},
		{"utf-32", "abc", "no"},
		{"ebcdic-cp-us", "abc", "no"},
		{"ibm037", "abc", "no"},
		{"shift_jis", "abc", "no"},
		{"iso-2022-jp", "abc", "no"},
		{"utf-8,utf-7", "abc", "no"},
	} {
		got, ok := decode([]byte(c.body), c.charset)
		if !ok {
			got = []byte("no")
		}
		if string(got) != c.want {
			t.Errorf("%q in %s is %q, want %q", c.body, c.charset, got, c.want)
		}
	}
}
