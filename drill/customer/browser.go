package customer

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
)

// header is what a browser sends with every page.
func header() http.Header {
	h := load.Navigation("", load.Chrome)
	h.Del("Host")
	h.Del("Accept-Encoding") // the transport asks for what it can read
	h.Set("Sec-Fetch-User", "?1")
	h.Set("Sec-Ch-Ua", `"Chromium";v="141", "Not?A_Brand";v="8"`)
	h.Set("Sec-Ch-Ua-Mobile", "?0")
	h.Set("Sec-Ch-Ua-Platform", `"Linux"`)
	return h
}

// navigates adds what a browser says of where it comes from.
func (t *tab) navigates(req *http.Request) {
	if isCallback(req) {
		return
	}
	if t.at != "" {
		req.Header.Set("Referer", t.at)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if req.Method == http.MethodPost {
		req.Header.Set("Origin", t.base)
	}
	t.at = req.URL.String()
}

// A forgetful jar does not keep one cookie.
type forgetful struct {
	http.CookieJar
	name string
}

// SetCookies implements http.CookieJar.
func (f forgetful) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if c.Name != f.name {
			f.CookieJar.SetCookies(u, []*http.Cookie{c})
		}
	}
}

var picture = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)

// perHost is how many connections a browser opens to a host that speaks HTTP/1.1.
const perHost = 6

// loadPictures loads what belongs to a page and is not cached. If one is not
// answered, those that have not begun are not tried.
func (t *tab) loadPictures(ctx context.Context, page []byte) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	room := make(chan struct{}, perHost)
	for _, m := range picture.FindAllSubmatch(page, -1) {
		file := html.UnescapeString(string(m[1]))
		if t.cached[file] {
			continue
		}
		t.cached[file] = true
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			if !t.loadPicture(ctx, file) {
				stop()
			}
			<-room
		})
	}
	all.Wait()
}

// loadPicture reports whether it was answered.
func (t *tab) loadPicture(ctx context.Context, file string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+file, nil)
	if err != nil {
		return true // no address of the shop
	}
	accept, dest := kindOf(file)
	req.Header = http.Header{
		"User-Agent": {load.Chrome}, "Accept": {accept}, "Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"}, "Referer": {t.at},
		"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Dest": {dest},
	}
	for _, c := range t.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	due := time.Now()
	resp, _, err := t.exchange(req)
	if ctx.Err() != nil {
		return false
	}
	t.record.Page(t.shop, record.Page{Due: due, Took: time.Since(due), Good: err == nil && resp.StatusCode < 400, Picture: true})
	if err == nil {
		t.jar.SetCookies(req.URL, resp.Cookies())
	}
	return err == nil
}

// kindOf is what a browser accepts for a part of a page, and as what it asks for it.
func kindOf(file string) (accept, dest string) {
	file, _, _ = strings.Cut(file, "?")
	switch path.Ext(file) {
	case ".css":
		return "text/css,*/*;q=0.1", "style"
	case ".js":
		return "*/*", "script"
	}
	return "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image"
}
