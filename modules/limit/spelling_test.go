package limit

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestSpellings: in which other spellings shop software takes a path for the same page.
func TestSpellings(t *testing.T) {
	for sent, want := range map[string]string{
		"/account/login/":                  "/account/login",
		"/account/login///":                "/account/login",
		"/account/login;a=1":               "/account/login",
		"/account;b=2/login;a=1;c":         "/account/login",
		"/account/login%20":                "/account/login",
		"/account/login%09%0a":             "/account/login",
		"/account/login.":                  "/account/login",
		"/account/login%2f":                "/account/login",
		"/account/login%00.css":            "/account/login",
		"/account/login%3Bjsessionid=1":    "/account/login",
		"/account%5clogin":                 "/account/login",
		"/account/%256cogin":               "/account/login",
		"/account/login%C2%A0":             "/account/login",
		"/index.php/account/login":         "/account/login",
		"/INDEX.PHP/account/login/":        "/account/login",
		"/shop/app.php/account/login":      "/shop/account/login",
		"/x/..;/account/login":             "/account/login",
		"/x\\..\\account/login":            "/account/login",
		"/.;/account/login":                "/account/login",
		"/index.php/account/login/x.css;a": "/account/login/x.css",
	} {
		r := httptest.NewRequest(http.MethodPost, "http://shop.example/", nil)
		if u, err := r.URL.Parse(sent); err == nil {
			r.URL = u
		} else {
			r.URL.Path = sent
		}
		plain := respelled(r)
		switch {
		case plain == nil:
			t.Errorf("%s is taken for plain", sent)
		case plain.URL.Path != want || plain.URL.EscapedPath() != want || plain.Method != r.Method:
			t.Errorf("%s is %s, want %s", sent, plain.URL.Path, want)
		case r.URL.Path == want:
			t.Errorf("%s was changed", sent)
		}
	}
	for _, sent := range []string{
		"/", "/account/login", "/product/1", "/media/a.b.jpg", "/index.php", "/shop/index.php", "/.well-known/x", "/a..b/c", "/K%C3%B6ln/Tee", "/php/x", "/a:b@c",
	} {
		r := httptest.NewRequest(http.MethodGet, "http://shop.example"+sent, nil)
		if plain := respelled(r); plain != nil {
			t.Errorf("%s is respelled as %s", sent, plain.URL.Path)
		}
		if n := testing.AllocsPerRun(10, func() { respelled(r) }); n != 0 {
			t.Errorf("%s: %v allocations", sent, n)
		}
	}
}

// FuzzPlainPath: the plain spelling is one, and what is taken for plain is.
func FuzzPlainPath(f *testing.F) {
	for _, path := range []string{"/", "", "/a/../b;c/", "/index.php/x ", "/%2525", "/..;/..", "/a.php"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		plain := plainPath(path)
		if plain != path && (plain == "" || plain[0] != '/' || len(plain) > len(path)+1) {
			t.Errorf("%q becomes %q", path, plain)
		}
	})
}
