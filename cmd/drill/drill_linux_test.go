package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/need"
)

// drill runs the command in this process.
func drill(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// openShop opens a demo shop, and a second address of it that leads through
// inFront.
func openShop(t *testing.T, inFront func(http.Handler) http.Handler) (door, truth string) {
	t.Helper()
	shop, err := demoshop.New(demoshop.Sonnen())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shop.Close)
	back := httptest.NewServer(shop)
	t.Cleanup(back.Close)
	front := httptest.NewServer(inFront(shop))
	t.Cleanup(front.Close)
	return front.URL, back.URL + "/_truth"
}

func TestFloodWhileCustomersBuy(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "loewen.localhost" || r.URL.Path != "/search" {
			t.Errorf("the flood asked for %s%s", r.Host, r.URL.Path)
		}
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer target.Close()
	door, truth := openShop(t, func(shop http.Handler) http.Handler { return shop })

	code, out, errs := drill(t, "flood", "--target", target.URL, "--host", "loewen.localhost", "--path", "/search?q=tee",
		"--rate", "500", "--from", "50", "--for", "1s", "--p99", "5s",
		"--customers", door, "--customers-host", "sonnen.localhost", "--shoppers", "3", "--pause", "10ms", "--truth", truth)
	if code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	n := "0" // requests; a busy machine sends fewer than 500, and TestPaced holds the rate
	if sent := regexp.MustCompile(`(?m)^flood      ([1-9]\d?|[1-4]\d\d|50\d) requests`).FindStringSubmatch(out); sent != nil {
		n = sent[1]
	}
	for _, want := range []string{
		`(?m)^flood      ` + n + ` requests in .* from 50 addresses$`,
		`(?m)^  answers  429: ` + n + `$`,
		`(?m)^customers  3 shoppers, [1-9]\d* requests, 0 errors$`,
		`(?m)^  orders   ([1-9]\d*) submitted, [1-9]\d* confirmed; the shop has [1-9]\d* once, 0 doubled, 0 lost; it counts 0 lost orders of all customers$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line like %s in:\n%s", want, out)
		}
	}
}

func TestFloodThatCustomersNotice(t *testing.T) {
	target := httptest.NewServer(http.NotFoundHandler())
	defer target.Close()
	for _, c := range []struct {
		about   string
		inFront func(http.Handler) http.Handler
		want    string
	}{
		{
			"the edge refuses an order",
			func(shop http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost && r.URL.Path == "/checkout" {
						http.Error(w, "later", http.StatusTooManyRequests)
						return
					}
					shop.ServeHTTP(w, r)
				})
			},
			`drill: customers saw [1-9]\d* errors; [1-9]\d* orders were lost; no order of a customer was confirmed`,
		},
		{
			"the edge confirms an order and keeps it",
			func(shop http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost && r.URL.Path == "/checkout" {
						http.Redirect(w, r, "/?order=4711", http.StatusSeeOther)
						return
					}
					if r.URL.Path == "/payment/callback" {
						return
					}
					shop.ServeHTTP(w, r)
				})
			},
			`drill: [1-9]\d* orders were lost`,
		},
		{
			"the edge makes customers wait",
			func(shop http.Handler) http.Handler { return shop },
			`drill: the customers' p99 is .*ms, above 0.0ms`,
		},
	} {
		door, truth := openShop(t, c.inFront)
		p99 := "5s"
		if strings.Contains(c.want, "p99") {
			p99 = "1ns"
		}
		code, out, errs := drill(t, "flood", "--target", target.URL, "--rate", "100", "--from", "5", "--for", "300ms",
			"--customers", door, "--shoppers", "2", "--pause", "1ms", "--truth", truth, "--p99", p99)
		if code != 1 || !regexp.MustCompile("^"+c.want+"\n$").MatchString(errs) {
			t.Errorf("%s: exit code %d, want 1 and %s; got %s\n%s", c.about, code, c.want, errs, out)
		}
	}
}

// TestBench compares real edges for a moment: what is printed, not how good
// the ratios are.
func TestBench(t *testing.T) {
	need.Time(t)
	code, out, errs := drill(t, "bench", "--only", "noise,refused,challenge_page,take_allocs,waf_get,waf_upload_us", "--rounds", "1", "--for", "1s", "--verbose")
	want := regexp.MustCompile(`^noise +\d+\.\d{3} +0\.98\.\.1\.02 (ok|over)
refused +\d+\.\d{3} +1\.20 (ok|over)
challenge_page +\d+\.\d{3} +1\.3 (ok|over)
take_allocs +0 +0 ok
waf_get +\d+[.\d]* +- ok
waf_get_us +\d+[.\d]* +- ok
waf_get_crs +\d+[.\d]* +- ok
waf_upload_us +\d+[.\d]* +- ok
$`)
	if !want.MatchString(out) {
		t.Errorf("stdout:\n%s\nstderr:\n%s", out, errs)
	}
	if over := strings.Contains(out, "over"); over != (code == 1) || code > 1 {
		t.Errorf("exit code %d for\n%s", code, out)
	}
	if !strings.HasPrefix(errs, "name\t") || !strings.Contains(errs, "µs per request; median") {
		t.Errorf("stderr:\n%s", errs)
	}
}

func TestBenchWhoseEdgeDoesNotStart(t *testing.T) {
	code, out, errs := drill(t, "bench", "--only", "noise", "--edge", "/bin/false")
	want := regexp.MustCompile(`^drill: measuring noise: starting noise-stock: it ended \(exit status 1\) and printed:\n`)
	if code != 1 || out != "" || !want.MatchString(errs) {
		t.Errorf("exit code %d, stdout %q, stderr:\n%s", code, out, errs)
	}
}
