package waf

func init() {
	mendedRules = append(mendedRules, values{
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
}
