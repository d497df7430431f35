package demoshop

import (
	"context"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// reached is the page at the end of a step.
type reached struct {
	url   *url.URL
	body  string
	match string // what was looked for in it
}

// step gets a page, or posts a form if there is one, and follows up to five
// redirects. The page must be 200 and contain what find looks for.
func (w *walk) step(ctx context.Context, name, path string, form url.Values, find *regexp.Regexp) (reached, error) {
	start := time.Now()
	at, status, err := w.fetch(ctx, path, form)
	w.trip.Steps = append(w.trip.Steps, Step{name, status, time.Since(start)})
	if err != nil {
		return at, fmt.Errorf("walking %s: %s: %w", w.Base, name, err)
	}
	if status != http.StatusOK {
		return at, fmt.Errorf("walking %s: %s: status %d", w.Base, name, status)
	}
	if find != nil {
		m := find.FindStringSubmatch(at.body)
		if m == nil {
			return at, fmt.Errorf("walking %s: %s: status 200, but not the shop's page", w.Base, name)
		}
		at.match = html.UnescapeString(m[1])
	}
	return at, nil
}

func (w *walk) fetch(ctx context.Context, path string, form url.Values) (at reached, status int, err error) {
	at.url, err = url.Parse(w.Base + path)
	if err != nil {
		return reached{url: new(url.URL)}, 0, err
	}
	for hops := 0; ; hops++ {
		var location string
		if at.body, location, status, err = w.send(ctx, at.url, form); err != nil {
			return at, status, err
		}
		if location == "" {
			return at, status, nil
		}
		if hops == 5 {
			return at, status, fmt.Errorf("status %d: too many redirects", status)
		}
		next, err := at.url.Parse(location)
		if err != nil {
			return at, status, fmt.Errorf("status %d: following redirect: %w", status, err)
		}
		// The shop may name itself; the way to it stays the same.
		next.Scheme, next.Host = at.url.Scheme, at.url.Host
		at.url = next
		if status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect {
			form = nil
		}
	}
}

// send makes one request. A location is returned for redirects only.
func (w *walk) send(ctx context.Context, u *url.URL, form url.Values) (body, location string, status int, err error) {
	method := http.MethodGet
	var content io.Reader
	if form != nil {
		method, content = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return "", "", 0, err
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	maps.Copy(req.Header, w.Header)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Host = w.Host
	res, err := w.client.Do(req)
	if err != nil {
		return "", "", 0, err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if res.StatusCode >= 301 && res.StatusCode <= 308 {
		location = res.Header.Get("Location")
	}
	return string(page), location, res.StatusCode, err
}

// fetchAssets loads what the page needs to look right, as one step.
func (w *walk) fetchAssets(ctx context.Context, page string) error {
	start := time.Now()
	step := Step{Name: "assets", Status: http.StatusOK}
	var err error
	for _, m := range assetLink.FindAllStringSubmatch(page, -1) {
		u := html.UnescapeString(m[1])
		if _, step.Status, err = w.fetch(ctx, u, nil); err == nil && step.Status != http.StatusOK {
			err = fmt.Errorf("status %d", step.Status)
		}
		if err != nil {
			err = fmt.Errorf("walking %s: assets: %s: %w", w.Base, u, err)
			break
		}
	}
	step.Took = time.Since(start)
	w.trip.Steps = append(w.trip.Steps, step)
	return err
}
