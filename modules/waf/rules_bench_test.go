package waf

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkRules measures requests such as drill/bench sends, with the Core Rule Set alone
// and with our own rules: what ours add is the difference.
func BenchmarkRules(b *testing.B) {
	h := &Handler{Bare: true}
	h.fillDefaults()
	e, key, err := engineOf("")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = engines.Delete(key) })
	if h.engine = e; h.tune() != nil {
		b.Fatal("tuning failed")
	}
	own := &bench{engine: e, bare: h.steps, limits: h.Bounds.limits()}
	stock := stockBench(b, own)
	for _, request := range benchRequests() {
		for _, engine := range []struct {
			name string
			*bench
		}{{"stock", stock}, {"own", own}} {
			b.Run(request.where+"/"+engine.name, func(b *testing.B) {
				for b.Loop() {
					if refused, _ := engine.refuses(request, nil); refused {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}

func benchRequests() []*sample {
	form := url.Values{}
	for i := range 43 {
		form.Set(fmt.Sprintf("billing[field_%d]", i), "Große Bleichen 114 b, Hinterhaus, 2. Stock links")
	}
	var items []string
	for i := range 18 {
		items = append(items, fmt.Sprintf(`{"pzn":"%08d","name":"Ibuflam akut %d mg Filmtabletten","brand":"Zentiva","size":"%d Stück","form":"FTA",`+
			`"quantity":%d,"price":%d.%02d,"currency":"EUR","recipe":%t,"stock":%d,"note":"","added":"2026-11-%02d"}`,
			4100218+i*7919, 200+i*20, 10+i*5, 1+i%3, 3+i, i*37%100, i%4 == 0, i*11%60, 1+i))
	}
	upload := "--b00dary\r\nContent-Disposition: form-data; name=\"order\"\r\n\r\n48151623\r\n" +
		"--b00dary\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nRezept von Dr. Weiß\r\n" +
		"--b00dary\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"rezept.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" +
		strings.Repeat("\xff\xd8\x10\x4a", 25<<10) + "\r\n--b00dary--\r\n"
	var all []*sample
	for _, r := range []struct{ name, method, uri, media, body string }{
		{"get", http.MethodGet, "/", "", ""},
		{"args", http.MethodGet, "/search?q=aspirin+complex+granulat&category=erkaeltung&brand=bayer&sort=price-asc&page=2", "", ""},
		{"form", http.MethodPost, "/checkout", "application/x-www-form-urlencoded", form.Encode()},
		{"json", http.MethodPost, "/api/cart", "application/json", `{"cart":"9f86d081","items":[` + strings.Join(items, ",") + `]}`},
		{"upload", http.MethodPost, "/prescription", "multipart/form-data; boundary=b00dary", upload},
		{"static", http.MethodGet, "/media/theme/main.css?v=20261124", "", ""},
	} {
		request, _ := http.NewRequest(r.method, r.uri, bytes.NewBufferString(r.body)) // nothing of this fails
		request.RequestURI, request.Host = r.uri, "shop.example"
		request.Header = http.Header{
			"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
			"Accept":     {"*/*"}, "Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"}, "Referer": {"https://shop.example/category/erkaeltung"},
		}
		if r.media != "" {
			request.Header.Set("Content-Type", r.media)
		}
		if r.name == "args" || r.name == "form" {
			request.Header.Set("Cookie", "session=9f86d081884c7d659a2feaa0c55ad015; consent=necessary")
		}
		request.Header.Set("Content-Length", fmt.Sprint(len(r.body)))
		all = append(all, &sample{Request: request, where: r.name, body: []byte(r.body)})
	}
	return all
}
