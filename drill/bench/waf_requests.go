package bench

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/theriac-edge/theriac/drill/load"
)

// A wafRequest is one kind of request to a shop. Its bytes are the same in every
// run, and no rule of the firewall matches them.
type wafRequest struct {
	name   string
	about  string
	budget Budget // µs above Caddy without a shield

	method, uri string
	header      http.Header
	body        []byte
}

// wafRequests are small and large, with few values and with many: the cost of a
// request grows with its values more than with its bytes.
func wafRequests() []*wafRequest {
	uploadType, upload := prescription()
	return []*wafRequest{
		{
			name: "get", about: "GET / with 5 headers", budget: noBudget,
			method: http.MethodGet, uri: "/", header: fewHeaders(),
		},
		{
			name: "args", about: "GET with 5 arguments and 20 headers", budget: noBudget,
			method: http.MethodGet, header: manyHeaders(),
			uri: "/search?q=aspirin+complex+granulat&category=erkaeltung&brand=bayer&sort=price-asc&page=2",
		},
		{
			name: "form", about: "form of 2 KB with 43 fields", budget: noBudget,
			method: http.MethodPost, uri: "/checkout", body: []byte(checkout().Encode()),
			header: withType(manyHeaders(), "application/x-www-form-urlencoded"),
		},
		{
			name: "json", about: "JSON cart of 4 KB with 230 values", budget: noBudget,
			method: http.MethodPost, uri: "/api/cart", body: []byte(cart()),
			header: withType(fewHeaders(), "application/json"),
		},
		{
			name: "upload", about: "upload of 100 KB with a file and 2 fields", budget: noBudget,
			method: http.MethodPost, uri: "/prescription", body: upload,
			header: withType(fewHeaders(), uploadType),
		},
		{
			name: "static", about: "static file with 1 argument", budget: noBudget,
			method: http.MethodGet, uri: "/media/theme/main.css?v=20261124", header: fewHeaders(),
		},
	}
}

func fewHeaders() http.Header {
	return http.Header{
		"Host":            {host},
		"User-Agent":      {load.Chrome},
		"Accept":          {"*/*"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"},
	}
}

func manyHeaders() http.Header {
	header := load.Navigation(host, load.Chrome)
	for name, value := range map[string]string{
		"Cache-Control":      "max-age=0",
		"Cookie":             "session=9f86d081884c7d659a2feaa0c55ad015; consent=necessary",
		"Dnt":                "1",
		"Pragma":             "no-cache",
		"Priority":           "u=0, i",
		"Referer":            "http://" + host + "/category/erkaeltung",
		"Sec-Ch-Ua":          `"Chromium";v="141", "Not?A_Brand";v="8"`,
		"Sec-Ch-Ua-Mobile":   "?0",
		"Sec-Ch-Ua-Platform": `"Linux"`,
		"Sec-Fetch-User":     "?1",
		"Sec-Gpc":            "1",
	} {
		header.Set(name, value)
	}
	return header
}

func withType(header http.Header, media string) http.Header {
	header.Set("Content-Type", media)
	return header
}

// checkout is an order's form: two addresses and the other fields of shops.
func checkout() url.Values {
	form := url.Values{}
	for _, whose := range []string{"billing", "shipping"} {
		for name, value := range map[string]string{
			"salutation": "Frau", "title": "Dr.", "first_name": "Anneliese", "last_name": "Müller-Lüdenscheidt",
			"company": "Praxis am Markt", "department": "Anmeldung", "street": "Große Bleichen", "number": "114 b",
			"addition": "Hinterhaus, 2. Stock links", "postal_code": "20354", "city": "Hamburg", "state": "Hamburg",
			"country": "Deutschland", "phone": "040 1234567", "email": "anneliese.mueller@example.org", "birthday": "12.03.1961",
		} {
			form.Set(whose+"["+name+"]", value)
		}
	}
	for name, value := range map[string]string{
		"payment": "Rechnung", "shipping_method": "Standardversand mit Sendungsverfolgung", "voucher": "HERBST2026",
		"newsletter": "0", "terms": "1", "privacy": "1", "age_confirmed": "1", "interactions_checked": "1",
		"comment":     strings.Repeat("Bitte beim Nachbarn im Erdgeschoss abgeben, falls niemand öffnet. ", 4),
		"allergies":   "Penicillin, Nüsse und Ibuprofen",
		"_csrf_token": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
	} {
		form.Set(name, value)
	}
	return form
}

// cart is eighteen packages and their customer.
func cart() string {
	var items []string
	for i := range 18 {
		items = append(items, fmt.Sprintf(`{"pzn":"%08d","name":"Ibuflam akut %d mg Filmtabletten","brand":"Zentiva","size":"%d Stück","form":"FTA",`+
			`"quantity":%d,"price":%d.%02d,"currency":"EUR","recipe":%t,"stock":%d,"note":"","added":"2026-11-%02d"}`,
			4100218+i*7919, 200+i*20, 10+i*5, 1+i%3, 3+i, i*37%100, i%4 == 0, i*11%60, 1+i))
	}
	return `{"cart":"9f86d081884c7d65","customer":{"id":48151623,"name":"Anneliese Müller","email":"anneliese@example.org",` +
		`"phone":"040 1234567","guest":false,"locale":"de-DE"},"address":{"street":"Große Bleichen 114","city":"Hamburg",` +
		`"postal_code":"20354","country":"DE"},"payment":{"method":"invoice"},"voucher":"HERBST2026","total":284.37,` +
		`"items":[` + strings.Join(items, ",") + `]}`
}

// prescription is a photograph in a form: bytes without any pattern behind the
// head of a JPEG.
func prescription() (media string, body []byte) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	_ = form.SetBoundary("theriac-drill-9f86d081884c7d65")
	_ = form.WriteField("order", "48151623")
	_ = form.WriteField("note", "Rezept von Dr. Weiß, bitte die Packung mit 50 Stück")
	file, _ := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="photo"; filename="rezept.jpg"`},
		"Content-Type":        {"image/jpeg"},
	}) // nothing of this fails in memory
	photo := make([]byte, 100<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(photo)
	copy(photo, "\xff\xd8\xff\xe0\x00\x10JFIF\x00")
	_, _ = file.Write(photo)
	_ = form.Close()
	return form.FormDataContentType(), b.Bytes()
}
