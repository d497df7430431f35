package customer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/drill/scenario"
)

// Customers say where they come from as browsers do, load styles and pictures as such, and
// keep the cookies of all of them; those that keep no stamps keep the others.
func TestCustomersAreBrowsers(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		var mu sync.Mutex
		var got []string
		shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/_truth" {
				fmt.Fprint(w, "[]")
				return
			}
			mu.Lock()
			defer mu.Unlock()
			_, from, _ := strings.Cut(r.Referer(), ".localhost")
			accept, _, _ := strings.Cut(r.Header.Get("Accept"), ",")
			var cookies []string
			for _, c := range r.Cookies() {
				cookies = append(cookies, c.Name)
			}
			slices.Sort(cookies)
			got = append(got, fmt.Sprintf("%s %s from %q as %s, %s, %v", r.Method, r.URL.Path, from, r.Header.Get("Sec-Fetch-Dest"), accept, cookies))
			http.SetCookie(w, &http.Cookie{Name: strings.TrimPrefix(r.URL.Path[strings.LastIndex(r.URL.Path, "/"):], "/") + "c", Value: "1", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1", Path: "/"})
			if r.URL.Path == "/" {
				fmt.Fprint(w, `<link href="/static/s.css?v=1"><a href="/product/1">`)
				return
			}
			fmt.Fprint(w, `<a href="/product/1"><img src="/static/p.svg"><input name="product" value="1">`)
		})
		drill(t, shop, visits(1, func(_ int, v *scenario.Visit) { v.Buys, v.Stamps = false, keeps }))
		with := func(names string) string {
			if keeps {
				names += " seen"
			}
			return "[" + strings.TrimSpace(names) + "]"
		}
		want := []string{
			`GET / from "" as document, text/html, []`,
			`GET /static/s.css from "/" as style, text/css, ` + with("c"),
			`GET /search from "/" as document, text/html, ` + with("c s.cssc"),
			`GET /static/p.svg from "/search?q=Nasenspray" as image, image/avif, ` + with("c s.cssc searchc"),
			`GET /product/1 from "/search?q=Nasenspray" as document, text/html, ` + with("c p.svgc s.cssc searchc"),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stamps: %t: (-want +got) %s", keeps, diff)
		}
	}
}
