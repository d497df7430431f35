package browser

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/edge"
)

// says demands that the visitor reads this, once the page is there: a page has its address
// before it has a text.
func (w *walker) says(text string) {
	w.t.Helper()
	w.Await(`document.readyState === "complete"`)
	if got := chrome.Eval[string](w.Tab, "document.body.innerText"); !strings.Contains(got, text) {
		w.t.Errorf("the visitor reads %q, want %q in it", got, text)
	}
}

// got demands these answers, and no others but pictures and styles.
func (w *walker) got(want ...string) {
	w.t.Helper()
	var got []string
	for _, a := range w.Answers() {
		if a.Kind == "Document" || strings.HasPrefix(a.Path, "/.theriac/") {
			got = append(got, fmt.Sprintf("%s %s %d", a.Method, a.Path, a.Status))
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the browser got\n%q, want\n%q", got, want)
	}
}

// counts demands that the edge counts this, and nothing else.
func (w *walker) counts(want map[string]int) {
	w.t.Helper()
	if got := outcomes(w.t, w.mall.edge, w.shop); !maps.Equal(got, want) {
		w.t.Errorf("the edge counts %v, want %v", got, want)
	}
}

// reaches demands that so many requests reached the shop.
func (w *walker) reaches(want int64) {
	w.t.Helper()
	if got := w.here().Truth().Requests; got != want {
		w.t.Errorf("%d requests reached the shop, want %d", got, want)
	}
}

var outcomeLine = regexp.MustCompile(`(?m)^theriac_challenge_outcomes_total\{outcome="(\w+)",shop="(\w+)"\} ([0-9]+)$`)

// outcomes are a shop's challenges, as the edge counts them.
func outcomes(t testing.TB, e *edge.Edge, id shop.ID) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, m := range outcomeLine.FindAllStringSubmatch(e.Metrics(t), -1) {
		if n, err := strconv.Atoi(m[3]); err == nil && m[2] == string(id) && n > 0 {
			counts[m[1]] = n
		}
	}
	return counts
}

// challenges counts the pages that a browser got instead of a shop's, and
// fails for every other error of an edge.
func challenges(t testing.TB, answers []chrome.Answer, id shop.ID) (pages int) {
	t.Helper()
	for _, a := range answers {
		switch {
		case a.Host != string(id)+".example":
		case a.Status == http.StatusServiceUnavailable && strings.Contains(a.Header["content-security-policy"], "worker-src"):
			pages++
		case a.Status >= 500 || a.Status == http.StatusTooManyRequests:
			t.Errorf("the visitor got %s", a)
		}
	}
	return pages
}

// way is how the visitor got to a page of the shop, since he had seen so many
// pages: such as "POST 503, POST 303".
func (w *walker) way(path string, since int) string {
	var steps []string
	for _, a := range pagesOf(w.Answers())[since:] {
		if a.Path == path && a.Host == string(w.shop)+".example" {
			steps = append(steps, fmt.Sprintf("%s %d", a.Method, a.Status))
		}
	}
	return strings.Join(steps, ", ")
}

// pagesOf are the answers that a visitor saw as pages.
func pagesOf(answers []chrome.Answer) []chrome.Answer {
	return slices.DeleteFunc(answers, func(a chrome.Answer) bool { return a.Kind != "Document" })
}
