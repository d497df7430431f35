package challenge

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield/wants"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/webpage"
)

// challenge answers a challenged request in the form that its sender can use. A person
// gets a page that reloads itself when it is done and so repeats the request; a script
// gets the URL of the page that solves.
func (h *Handler) challenge(w http.ResponseWriter, r *http.Request, v *shop.Visit, rise uint8) error {
	header := w.Header()
	header["Cache-Control"] = noStore
	v.Outcome = shop.Outcome{Stage: "challenge", Rule: "program"}
	allowReading(header, r)
	mode := r.Header.Get("Sec-Fetch-Mode")
	switch kind := wants.Of(r, v.Class); {
	case isPrefetch(r): // the browser repeats the request if its user follows the link
		v.Outcome.Rule = "prefetch"
		w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	case kind == wants.HTML, mode != "" && v.Class != shop.API && isWorkers(r):
		v.Outcome.Rule = "page"
		h.series.page.Inc()
		h.tally.Ask()
		form := formOf(r)
		h.drainBody(r, v)
		to := ""
		if r.Method == http.MethodGet {
			to = r.URL.RequestURI()
		}
		status := http.StatusServiceUnavailable
		if mode != "" && mode != "navigate" {
			status = http.StatusTooManyRequests // as scripts know it, if one asked
		}
		return h.sendPage(w, r, v, &sent{status: status, rise: rise, to: to, form: form})
	default:
		h.series.program.Inc()
		h.tally.Ask()
		header[browser.ChallengeHeader] = solveAt
		header["Retry-After"] = oneSecond
		if kind == wants.Nothing || r.Method == http.MethodHead {
			w.WriteHeader(http.StatusTooManyRequests)
			return nil
		}
		return writeJSON(w, http.StatusTooManyRequests, `{"error":"challenge_required","url":"`+solvePath+`"}`)
	}
}

// isWorkers reports whether a worker of the shop asks, and does not say whether for a page or
// for data: fetch(url) has no Accept. Its Referer is the worker's script. The page serves
// both, since scripts go by status and header.
func isWorkers(r *http.Request) bool {
	if r.Method != http.MethodGet || r.Header.Get("Accept") != "*/*" || r.Header.Get("Sec-Fetch-Dest") != "empty" {
		return false
	}
	path, _, _ := strings.Cut(r.Header.Get("Referer"), "?")
	return strings.HasSuffix(path, ".js") || strings.HasSuffix(path, ".mjs")
}

// A browser does not read a response while it sends its form, so the body is read first,
// up to the size of a photographed prescription.
const (
	smallBody   = 256 << 10 // a form without a file; net/http reads as much
	largestBody = 16 << 20
)

// drainBody reads and drops the body, which the visitor sends again with the pass. Large
// ones are limited by subnet.
func (h *Handler) drainBody(r *http.Request, v *shop.Visit) {
	if r.Method == http.MethodConnect || r.ContentLength >= 0 && r.ContentLength <= smallBody || r.ContentLength > largestBody {
		return
	}
	if h.take(v, uploads).Allowed() {
		_, _ = io.CopyN(io.Discard, r.Body, largestBody) // fails if the client has closed the connection
	}
}

// sent is how the challenge is sent as a page.
type sent struct {
	status int
	rise   uint8         // of the price
	to     string        // where a visitor without JavaScript goes on after the wait; empty after a form
	form   string        // what the page sends again
	wait   time.Duration // what a visitor that came too early has been told; 0 for all others
}

// sendPage sends the challenge as a page.
func (h *Handler) sendPage(w http.ResponseWriter, r *http.Request, v *shop.Visit, p *sent) error {
	page := h.pages.of(r.Header.Get("Accept-Language"))
	values := browser.Values{Token: h.issue(r, v, p.rise), Reference: v.Client.Reference(), Form: p.form}
	values.Delay = max(int(p.wait/time.Second)+1, delayOf(v))
	values.Wait = waitPath + "?t=" + values.Token + "&to=" + url.QueryEscape(p.to)
	if len(values.Wait) > webpage.MaxValue {
		values.Wait = waitPath + "?t=" + values.Token + "&to=%2F" // the address does not fit
	}

	// No Vary, since caches must not store the response, and a map with more than eight
	// headers costs twice as much.
	header := w.Header()
	header["Content-Type"] = htmlUTF8
	header["Retry-After"] = oneMinute
	if p.wait > 0 {
		header["Retry-After"] = []string{strconv.Itoa(values.Delay)}
	}
	header["Content-Security-Policy"] = page.policy
	header[browser.ChallengeHeader] = solveAt
	body := bodies.Get().(*[]byte)
	defer bodies.Put(body)
	if webpage.AcceptsGzip(r.Header["Accept-Encoding"]) {
		header["Content-Encoding"] = gzipped
		*body = page.AppendGzip((*body)[:0], &values)
	} else {
		*body = page.Append((*body)[:0], &values)
	}
	header["Content-Length"] = []string{strconv.Itoa(len(*body))}
	w.WriteHeader(p.status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(*body)
	return err
}

// delayOf returns how many seconds the page waits if it does not work.
func delayOf(v *shop.Visit) int { return int(prices[levelOf(v)].wait/time.Second) + 1 }

// levelOf returns the level whose price applies: at least the lowest with challenges.
func levelOf(v *shop.Visit) shop.Level { return max(v.Level, shop.Raised) }

// issue issues a challenge. If the subnet or site has used up half of its passes, the price is
// raised once for all of its visitors.
func (h *Handler) issue(r *http.Request, v *shop.Visit, rise uint8) string {
	level := levelOf(v)
	if d := h.peekAround(v, passIssue.network); d.Remaining < passIssue.subnet.Burst/2 {
		rise = min(rise+1, maxRise)
	}
	price, now := &prices[level], h.now(v)
	var text [64]byte
	return string(h.keys().AppendChallenge(text[:0], &pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Level: uint8(level), Rise: rise,
		Threshold: pow.Threshold(price.work(rise)), Expires: now.Add(price.solve), Binding: h.binding(r),
	}, now))
}

// pages are the rendered pages of a shop, one for each language.
type pages struct {
	contact  func() shop.Contact // known when all stages are provisioned
	rendered sync.Map            // language to *page
}

type page struct {
	*browser.Page
	policy []string
}

func (p *pages) of(acceptLanguage string) *page {
	language := webpage.Negotiate(acceptLanguage)
	if known, ok := p.rendered.Load(language); ok {
		return known.(*page)
	}
	made := browser.NewPage(p.shop(), language)
	known, _ := p.rendered.LoadOrStore(language, &page{
		Page: made, policy: []string{made.Policy()},
	})
	return known.(*page)
}

func (p *pages) shop() webpage.Shop {
	return webpage.Shop(p.contact())
}

// bodies are reused.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// Header values that all responses share.
var (
	noStore   = []string{"no-store"}
	htmlUTF8  = []string{"text/html; charset=utf-8"}
	asJSON    = []string{"application/json"}
	gzipped   = []string{"gzip"}
	oneMinute = []string{"60"}
	oneSecond = []string{"1"}
	solveAt   = []string{solvePath}

	noticePolicy = []string{browser.NoticePolicy()}
)
