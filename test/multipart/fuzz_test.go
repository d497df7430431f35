package multipart

import (
	"bytes"
	"testing"
)

// pieces are what parsers split forms at, and what some of them know and others do not.
var pieces = []string{
	"\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", "\x00", "\x0b", "\xa0", "\xff", "ä", ";", "; ", "=", " =", "= ", ":", " :", "\"", "'", "\\", "\\\"", "*", ",", "/", "..", "%", "%22", "=?utf-8?Q?a?=", "; charset*=utf-8''utf-7", "Boundary=b00dary", "; x=boundary=c", "-", "--",
	"--b00dary", "--b00dary\r\n", "\r\n--b00dary", "\n--b00dary\r\n", "--b00dary--", "--b00dary--\r\n", "b00dary", "boundary=x", "; boundary=b00dary",
	"; filename=\"a.jpg\"", "; filename=a.jpg", "; filename*=UTF-8''a.jpg", "; filename=\"\"", "filename=\"a.jpg\"; ", "; name=\"b\"", "; name*=utf-8''b", "; name=b", "; x='", "; y=\"", "form-data", "attachment", "Form-Data",
	named, "Content-Disposition: form-data; name=\"b\"; filename=\"b.php\"", "Content-Type: text/plain", "Content-Type: text/plain; charset=utf-16", "Content-Type: multipart/mixed; boundary=c", "Content-Type: application/octet-stream",
	"Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: binary", "Content-Disposition", "\r\n ", "\r\n\t", "multipart/form-data", "YXR0YWNr", "=3Cscript=3E",
}

// mutate changes a form at as many places as there are four bytes.
func mutate(contentType, body string, ops []byte) (string, []byte) {
	texts := [2][]byte{[]byte(contentType), []byte(body)}
	for ; len(ops) >= 4; ops = ops[4:] {
		text := &texts[1]
		if ops[0]&0x0f == 0 { // of sixteen changes, one is of the type
			text = &texts[0]
		}
		at := (int(ops[1])<<8 | int(ops[2])) % (len(*text) + 1)
		to := min(at+1+int(ops[0]>>6), len(*text))
		piece := []byte(pieces[int(ops[3])%len(pieces)])
		switch ops[0] >> 4 & 3 {
		case 0:
			*text = bytes.Join([][]byte{(*text)[:at], piece, (*text)[at:]}, nil)
		case 1:
			*text = bytes.Join([][]byte{(*text)[:at], (*text)[to:]}, nil)
		case 2:
			*text = bytes.Join([][]byte{(*text)[:at], piece, (*text)[to:]}, nil)
		case 3: // a part of it once more
			end := min(at+int(ops[3]), len(*text))
			*text = bytes.Join([][]byte{(*text)[:end], (*text)[at:]}, nil)
		}
	}
	return string(texts[0]), texts[1]
}

// FuzzParsers: whatever we accept, no parser reads a field or a file in it that we do not.
func FuzzParsers(f *testing.F) {
	all := theirs(f)
	for i := range clients {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0x01, 0x00, 0x30, 0x0b})
	}
	f.Fuzz(func(t *testing.T, seed uint8, ops []byte) {
		if len(ops) > 40 {
			return
		}
		start := clients[int(seed)%len(clients)]
		contentType, body := mutate(start.contentType, start.body, ops)
		if bytes.ContainsAny([]byte(contentType), "\r\n\x00\x0b") {
			return // no header has it
		}
		if why := difference(t, ours, all, contentType, body); why != "" {
			t.Errorf("%q %q: %s", contentType, body, why)
		}
	})
}
