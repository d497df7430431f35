package replay

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestNoTraceOfValues: what a patient has sent stands neither in `explain`, nor in the log,
// the metrics or the admin API, even where no parser knows what is a name and what a value.
func TestNoTraceOfValues(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const attack = "' UNION ALL SELECT email FROM kunden -- <script>alert(1)</script>"
	secrets := []string{"Biktarvy", "biktarvy", "Größlein", "Gr%C3%B6", "UNION", "union", "kunden", "alert("}
	s := openShop(t, nil)
	e := shielded(t, s, "")
	patient := "Größlein Biktarvy (HIV) " + attack
	escaped := strings.NewReplacer(" ", "%20", "ö", "%C3%B6", "ß", "%C3%9F", "<", "%3C", ">", "%3E").Replace(patient)
	var told strings.Builder
	for _, c := range []struct{ name, target, header, body string }{
		{"a query that is no pair", "/suche?" + escaped, "", ""},
		{"a query of one word", "/suche?Biktarvy", "", attack},
		{"a field's value", "/suche?q=" + escaped, "", ""},
		{"a path", "/arznei/Biktarvy/" + escaped, "", ""},
		{"a cookie", "/", "Cookie: " + patient + "\r\n", ""},
		{"a cookie's value", "/", "Cookie: a=" + patient + "\r\n", ""},
		{"a header", "/", "Referer: https://shop.example/Biktarvy?" + patient + "\r\n", ""},
		{"a text", "/rum", "Content-Type: text/plain\r\n", patient},
		{"a text of a type without a parser", "/hl7", "Content-Type: application/hl7-v2\r\n", "PID|1||" + patient},
		{"a list", "/csv", "Content-Type: text/csv\r\n", "Name;Mittel\r\n" + patient},
		{"a body without type", "/rum", "", patient},
		{"a form that is none", "/rum", "Content-Type: application/x-www-form-urlencoded\r\n", patient},
		{"a form's value", "/rum", "Content-Type: application/x-www-form-urlencoded\r\n", "text=" + patient},
		{"JSON", "/api", "Content-Type: application/json\r\n", `{"text":"` + patient + `"}`},
		{"JSON with such a name", "/api", "Content-Type: application/json\r\n", `{"` + patient + `":1}`},
		{"JSON that is text", "/api", "Content-Type: text/plain\r\n", `{"name":"Biktarvy","text":"` + attack + `"}`},
		{"broken JSON", "/api", "Content-Type: application/json\r\n", `{"text":"` + patient},
		{"XML", "/api", "Content-Type: text/xml\r\n", "<a>" + strings.NewReplacer("<", "&lt;").Replace(patient) + "</a>"},
		{"broken XML", "/api", "Content-Type: text/xml\r\n", "<a>" + patient},
		{"a part", "/rezept", multipartHeader, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + patient + "\r\n--b--\r\n"},
		{"a part with such a name", "/rezept", multipartHeader, "--b\r\nContent-Disposition: form-data; name=\"" + patient + "\"\r\n\r\n1\r\n--b--\r\n"},
		{"a broken part", "/rezept", multipartHeader, "--b\r\nContent-Disposition: form-data; name=\"a\"\n\n" + patient},
	} {
		got := post(t, e, newClient(), c.target, agent+c.header, c.body)
		if got.status < 400 {
			t.Errorf("%s: status %d: nothing is refused, so nothing can be told", c.name, got.status)
		}
		fmt.Fprintf(&told, "%s: %s%s\n", c.name, got.body, explained(t, e, got))
	}
	fmt.Fprintf(&told, "log: %s\n", e.Log())
	for _, path := range []string{"/metrics", "/shield/status", "/shield/shops"} {
		fmt.Fprintf(&told, "%s: %s\n", path, kit.Get(t, http.DefaultClient, "http://"+e.Admin+path).Body)
	}
	if strings.Count(told.String(), "request refused") == 0 || strings.Count(told.String(), "theriac_waf") == 0 {
		t.Error("neither log nor metrics tell of refusals: there is nothing to look through")
	}
	for line := range strings.Lines(told.String()) {
		for _, secret := range secrets {
			if strings.Contains(line, secret) {
				t.Errorf("%q in: %.300s", secret, line)
			}
		}
	}
}

const multipartHeader = "Content-Type: multipart/form-data; boundary=b\r\n"
