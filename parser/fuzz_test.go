package parser

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzRequest: whatever comes is read within the limits, in linear time, or refused for a
// reason of the list; a body that is accepted left something for rules to read.
func FuzzRequest(f *testing.F) {
	f.Add("/?a=b&c", "a=b; c", "application/json", []byte(`{"a":[1,"x",{"b":null}]}`))
	f.Add("/", "", "multipart/form-data; boundary=b", []byte(uploadOf(2, 10, `; filename="f.jpg"`)))
	f.Add("//?", ";=", "text/xml; charset=iso-8859-1", []byte(`<a b="c">d&lt;<!-- e --><![CDATA[f]]></a>`))
	f.Add("", "", " Application/OCTET-stream;", []byte("\x00"))
	f.Add("?%41=%4", "a", "application/x-www-form-urlencoded", []byte(`{"a":"b&q=c"}`))
	f.Add("/?=", "=", "text/plain", []byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`))
	f.Add("/", "", "multipart/related; boundary=b", []byte("--b\r\nContent-Type: text/xml\r\n\r\n<a>b</a>\r\n--b--"))
	f.Add("/", "", "", []byte("\xef\xbb\xbf[1]\n[2]\n"))
	f.Fuzz(func(t *testing.T, target, cookie, contentType string, body []byte) {
		r := asked(http.MethodPost, target)
		r.Header["Cookie"], r.Header["Content-Type"] = []string{cookie}, []string{contentType}
		table, err := ReadHeader(r, defaults)
		if err == nil {
			err = table.ReadBody(r, body)
		}
		if err != nil {
			if err.Reason.Explain() == "" || err.Status < 400 || err.Status > 499 {
				t.Errorf("refused for %q with %d", err.Reason, err.Status)
			}
			return
		}
		size, fields := 0, 0
		for _, v := range table.Values {
			if v.Source != Header && v.Source != Cookie && v.Source != Query {
				size, fields = size+len(v.Name)+len(v.Text), fields+1
			}
		}
		if table.Text > defaults.Text || size > 4*int(defaults.Text) {
			t.Errorf("%d bytes of text, of which rules get %d", table.Text, size)
		}
		if fields == 0 && table.Kind == TextBody || table.Kind == NoBody && strings.TrimSpace(string(body)) != "" {
			t.Errorf("nothing was read of %q (%s)", body, contentType)
		}
	})
}
