package parser

import (
	"net/http"
	"strings"
	"testing"
)

// BenchmarkRead reads what a browser sends, without a body: a small page, and a search with
// 5 arguments and 20 headers.
func BenchmarkRead(b *testing.B) {
	page := asked(http.MethodGet, "/", "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml", "Accept-Language: de-DE,de;q=0.9", "Accept-Encoding: gzip, deflate, br", "Cookie: session=0f8c4b2e; consent=1")
	search := asked(http.MethodGet, "/suche?q=aspirin+500&order=price-asc&p=2&filter=tabletten%7C20&limit=24", "Cookie: session=0f8c4b2e; consent=1")
	for i := range 20 {
		search.Header.Set("X-Header-"+string(rune('A'+i)), "value of the header")
	}
	form := asked(http.MethodPost, "/checkout", "Content-Type: application/x-www-form-urlencoded")
	fields := strings.Repeat("billing_first_name=J%C3%BCrgen&billing_address_1=Gro%C3%9Fe+Stra%C3%9Fe+12&", 21) + "a=b"
	for name, c := range map[string]struct {
		request *http.Request
		body    []byte
	}{"get": {page, nil}, "args": {search, nil}, "form": {form, []byte(fields)}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table, err := ReadHeader(c.request, defaults)
				if err == nil {
					err = table.ReadBody(c.request, c.body)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
