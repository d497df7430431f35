package waf

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// leak is what a broken shop says.
const leak = `You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use`

// leakyShop answers as its paths say.
func leakyShop(t *testing.T, more chan struct{}) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Set-Cookie", "session=of-the-shop")
		switch r.URL.Path {
		case "/page":
			_, _ = io.WriteString(w, "<p>Aspirin</p>")
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, leak)
		case "/pieces":
			for piece := range strings.FieldsSeq(leak) {
				_, _ = io.WriteString(w, piece+" ")
				_ = http.NewResponseController(w).Flush()
			}
		case "/long":
			_, _ = w.Write(bytes.Repeat([]byte("Aspirin "), 128<<10)) // 1 MiB, of unknown length
		case "/picture":
			header.Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, leak)
		case "/encoding":
			_, _ = io.WriteString(w, "Accept-Encoding: "+r.Header.Get("Accept-Encoding"))
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/events":
			header.Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: one\n\n")
			_ = http.NewResponseController(w).Flush()
			<-more
			_, _ = io.WriteString(w, "data: two\n\n")
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestAnswersAreInspected: what must not go out does not, and all else does,
// byte for byte.
func TestAnswersAreInspected(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	shop := leakyShop(t, more)
	e := edge.Start(t, kit.Global("")+
		kit.Site("watched.localhost:{$PORT}", "shield watched {\n\twaf {\n\t\tresponses\n\t}\n}\nshop_backend "+shop)+
		kit.Site("shadow.localhost:{$PORT}", "shield shadow {\n\twaf shadow {\n\t\tresponses\n\t}\n}\nshop_backend "+shop)+
		kit.Site("blind.localhost:{$PORT}", "shield blind\nshop_backend "+shop))
	ask := func(host, path string) kit.Reply {
		return kit.Get(t, edge.From("127.0.0.1"), e.URL+path, "Host: "+host+".localhost:"+kit.PortOf(e.Addr), "User-Agent: Mozilla/5.0", "Accept: text/html")
	}
	cookies := func(got kit.Reply) string { return strings.Join(got.Header.Values("Set-Cookie"), "\n") }
	for path, want := range map[string]string{
		"/page": "<p>Aspirin</p>", "/long": strings.Repeat("Aspirin ", 128<<10), "/picture": leak,
		"/none": "",
	} {
		for _, host := range []string{"watched", "shadow", "blind"} {
			if got := ask(host, path); got.Body != want || !strings.Contains(cookies(got), "of-the-shop") {
				t.Errorf("%s%s: status %d, %d bytes, Set-Cookie %q; want %d bytes as the shop sent them",
					host, path, got.Status, len(got.Body), cookies(got), len(want))
			}
		}
	}
	for _, path := range []string{"/error", "/pieces"} {
		if got := ask("watched", path); got.Status != http.StatusBadGateway || strings.Contains(got.Body, "SQL") || strings.Contains(cookies(got), "of-the-shop") {
			t.Errorf("%s: status %d, Set-Cookie %q, and says %.80q; want 502 and nothing of the shop's", path, got.Status, cookies(got), got.Body)
		}
		for _, host := range []string{"shadow", "blind"} {
			if got := ask(host, path); !strings.Contains(got.Body, "SQL") || !strings.Contains(cookies(got), "of-the-shop") {
				t.Errorf("%s%s: status %d and %.80q; want what the shop says", host, path, got.Status, got.Body)
			}
		}
	}
	if got := e.Metrics(t); !strings.Contains(got, `theriac_waf_outcomes_total{outcome="leak",shop="watched"} 2`) ||
		!strings.Contains(got, `theriac_waf_outcomes_total{outcome="shadow",shop="shadow"} 2`) {
		t.Error("the metrics do not count two leaks of the one shop and two in shadow of the other")
	}
	streams(t, e, more)
}

// streams: the first event is there before the shop says the second.
func streams(t *testing.T, e *edge.Edge, more chan struct{}) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "watched.localhost:" + kit.PortOf(e.Addr)
	response, err := edge.From("127.0.0.1").Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	events := bufio.NewScanner(response.Body)
	if !events.Scan() || events.Text() != "data: one" {
		t.Errorf("the first event is %q", events.Text())
	}
	close(more)
	if rest, err := io.ReadAll(response.Body); err != nil && len(rest) == 0 {
		t.Errorf("reading the second event: %v", err)
	}
}

// TestAnswersCannotHideInGzip: rules cannot read what is compressed, so the
// shop is asked for plain text, and an `encode` that stands before the shield
// still packs it for the visitor.
func TestAnswersCannotHideInGzip(t *testing.T) {
	t.Parallel()
	shop := leakyShop(t, nil)
	e := edge.Start(t, strings.Replace(kit.Global(""), "{\n", "{\n\torder encode first\n", 1)+kit.Site(kit.AnyHost, "encode gzip {\n\tminimum_length 1\n}\nshield watched {\n\twaf {\n\t\tresponses\n\t}\n}\nshop_backend "+shop))
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	got := kit.Get(t, client, e.URL+"/encoding", "User-Agent: Mozilla/5.0", "Accept: text/html", "Accept-Encoding: gzip", "Host: loewen.example")
	if encoding := got.Header.Get("Content-Encoding"); encoding != "gzip" {
		t.Errorf("Content-Encoding %q on the way to the visitor", encoding)
	}
	got = kit.Get(t, client, e.URL+"/encoding", "User-Agent: Mozilla/5.0", "Accept: text/html", "Accept-Encoding: br", "Host: loewen.example")
	if got.Body != "Accept-Encoding: " && got.Body != "Accept-Encoding: gzip" { // the proxy's own, which it unpacks itself
		t.Errorf("the shop reads %q", got.Body)
	}
}
