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
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/webpage"
)

// challenge answers a request that is not let through, in the form that its
// sender can use. The page of a person reloads itself when it is done, and so
// sends the same request again; a program learns where to solve.
func (h *Handler) challenge(w http.ResponseWriter, r *http.Request, v *shop.Visit, rise uint8) error {
	header := w.Header()
	header["Cache-Control"] = noStore
	v.Outcome = shop.Outcome{Stage: "challenge", Rule: "program"}
	switch wants := shield.WantsOf(r, v.Class); {
	case isPrefetch(r): // the browser comes again when its user does
		v.Outcome.Rule = "prefetch"
		w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	case wants == shield.HTML:
		v.Outcome.Rule = "page"
		h.series.page.Inc()
		h.drain(r, v)
		to := ""
		if r.Method == http.MethodGet {
			to = r.URL.RequestURI()
		}
		return h.sendPage(w, r, v, rise, http.StatusServiceUnavailable, to)
	default:
		h.series.program.Inc()
		header[browser.ChallengeHeader] = solveHere
		header["Retry-After"] = oneSecond
		if wants == shield.Nothing || r.Method == http.MethodHead {
			w.WriteHeader(http.StatusTooManyRequests)
			return nil
		}
		return answer(w, http.StatusTooManyRequests, `{"error":"challenge_required","url":"`+solvePlace+`"}`)
	}
}

// A browser that still sends its form does not read, so what it sends is read
// before it is answered, up to the largest photographed prescription.
const (
	smallBody   = 256 << 10 // a form without a file; net/http reads as much
	largestBody = 16 << 20
)

// drain reads what the visitor has sent. He sends it again with his pass. A
// neighbourhood can make us read a few large ones only.
func (h *Handler) drain(r *http.Request, v *shop.Visit) {
	if r.ContentLength >= 0 && r.ContentLength <= smallBody || r.ContentLength > largestBody {
		return
	}
	if h.may(v, "uploads", &uploads).Allowed() {
		_, _ = io.CopyN(io.Discard, r.Body, largestBody) // who hangs up gets no page
	}
}

// sendPage sends the challenge as a page. To is where somebody without
// JavaScript goes on when he has waited; empty if he has sent a form.
func (h *Handler) sendPage(w http.ResponseWriter, r *http.Request, v *shop.Visit, rise uint8, status int, to string) error {
	page := h.pages.of(r.Header.Get("Accept-Language"))
	values := browser.Values{Token: h.issue(r, v, rise), Reference: v.Client.Reference()}
	values.Delay = int(prices[levelOf(v)].wait/time.Second) + 1
	values.Wait = waitPlace + "?t=" + values.Token + "&to=" + url.QueryEscape(to)

	// No Vary: nobody may store the answer. With Caddy's own that would be the
	// ninth header, and a map of more than eight costs twice as much.
	header := w.Header()
	header["Content-Type"] = htmlUTF8
	header["Retry-After"] = later
	header["Content-Security-Policy"] = page.policy
	if r.URL.Path == solvePlace {
		header["Content-Security-Policy"] = page.embedded
	}
	body := bodies.Get().(*[]byte)
	defer bodies.Put(body)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header["Content-Encoding"] = gzipped
		*body = page.AppendGzip((*body)[:0], &values)
	} else {
		*body = page.Append((*body)[:0], &values)
	}
	header["Content-Length"] = []string{strconv.Itoa(len(*body))}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(*body)
	return err
}

// levelOf is the level whose price a visitor pays. Whoever asks for work in
// quiet times gets the least.
func levelOf(v *shop.Visit) shop.Level { return max(v.Level, shop.Raised) }

// issue makes a challenge for the visitor. Where his neighbourhood has nearly
// used up what it may get, the price rises, whoever he is.
func (h *Handler) issue(r *http.Request, v *shop.Visit, rise uint8) string {
	level := levelOf(v)
	if d := h.store.Peek(h.ofNet(v.Subnet, "passes"), &mints, v.Start); d.Remaining < mints.Burst/2 {
		rise = min(rise+1, maxRise)
	}
	price := &prices[level]
	var text [64]byte
	return string(h.keys.AppendChallenge(text[:0], &pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Level: uint8(level), Rise: rise,
		Threshold: pow.Threshold(price.work(rise)), Expires: v.Start.Add(price.solve), Binding: h.binding(r),
	}, v.Start))
}

// pages are the rendered pages of a shop, one for each language.
type pages struct {
	contact  func() shop.Contact // known when all stages are provisioned
	rendered sync.Map            // language to *page
}

type page struct {
	*browser.Page
	policy, embedded []string
}

func (p *pages) of(acceptLanguage string) *page {
	language := webpage.Negotiate(acceptLanguage)
	if known, ok := p.rendered.Load(language); ok {
		return known.(*page)
	}
	made := browser.NewPage(p.shop(), language)
	known, _ := p.rendered.LoadOrStore(language, &page{
		Page: made, policy: []string{made.Policy()}, embedded: []string{made.EmbeddedPolicy()},
	})
	return known.(*page)
}

func (p *pages) shop() webpage.Shop {
	return webpage.Shop(p.contact())
}

// bodies are reused.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// Header values are shared by all answers.
var (
	noStore   = []string{"no-store"}
	htmlUTF8  = []string{"text/html; charset=utf-8"}
	asJSON    = []string{"application/json"}
	gzipped   = []string{"gzip"}
	later     = []string{"60"}
	oneSecond = []string{"1"}
	solveHere = []string{solvePlace}

	noticePolicy = []string{browser.NoticePolicy()}
)
