package visit

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// FuzzClass: every request has a class, and slashes do not change it.
func FuzzClass(f *testing.F) {
	for _, path := range []string{"/", "", "/Kasse", "//payment//callback", "/a/b/c/d/e/f/callback", "/x.css", "/\xff.PNG"} {
		f.Add(http.MethodGet, path, "")
	}
	f.Add(http.MethodPost, "/x.css", "WebSocket")
	f.Fuzz(func(t *testing.T, method, path, upgrade string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{"Upgrade": {upgrade}}}
		class := classOf(r)
		if _, err := shop.ParseClass(class.String()); err != nil {
			t.Errorf("%s %q has class %v: %v", method, path, class, err)
		}
		r.URL.Path = "/" + path
		if again := classOf(r); again != class {
			t.Errorf("%q is %v, with one slash more %v", path, class, again)
		}
	})
}
