package waf

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// parcel is a request by its header lines and its body.
type parcel struct {
	header []string
	body   string
}

// send sends it, and returns the status, or 0 if there was no answer.
func (p *parcel) send(t testing.TB, client *http.Client, url, host string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.Header.Set("Accept", "text/html")
	for _, line := range p.header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// wasted are requests whose only purpose is to cost, and what is answered.
func wasted() map[string]struct {
	parcel
	status int
} {
	var parts strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&parts, "--b\r\nContent-Disposition: form-data; name=\"f%d\"\r\n\r\nx\r\n", i)
	}
	var form, cookies []string
	for i := range 1000 {
		form, cookies = append(form, fmt.Sprintf("f%d=aspirin", i)), append(cookies, fmt.Sprintf("c%d=aspirin", i))
	}
	words := strings.Repeat("Die Tabletten unzerkaut mit Wasser einnehmen. ", 100<<10/46)
	return map[string]struct {
		parcel
		status int
	}{
		"a form of 1,000 fields":   {parcel{[]string{formType}, strings.Join(form, "&")}, 413},
		"an upload of 5,000 parts": {parcel{[]string{multipartType}, parts.String() + "--b--\r\n"}, 413},
		"a field of 100 KB":        {parcel{[]string{formType}, "text=" + words}, 413},
		"a JSON value of 100 KB":   {parcel{[]string{jsonType}, fmt.Sprintf("{%q:%q}", "text", words)}, 413},
		"a part of 100 KB":         {parcel{[]string{multipartType}, "--b\r\nContent-Disposition: form-data; name=text\r\n\r\n" + words + "\r\n--b--\r\n"}, 413},
		"1,000 cookies":            {parcel{[]string{"Cookie: " + strings.Join(cookies, "; ")}, ""}, 400},
		"a cookie of 100 KB":       {parcel{[]string{"Cookie: text=" + strings.ReplaceAll(words, " ", "_")}, ""}, 431},
	}
}

// bare is a shop with nothing but the firewall.
func bare(shop, words, backend string) string {
	return fmt.Sprintf("shop_visit %s\nshop_waf %[1]s {\n\twaf {\n%s\t}\n}\nshop_backend %s", shop, kit.Indent(words, 2), backend)
}

// TestWasteIsCheapToRefuse: what consists of too much costs nearly nothing;
// with bounds that let it in it would cost a lot.
func TestWasteIsCheapToRefuse(t *testing.T) {
	need.Loopback(t) // and Linux, whose /proc this reads
	backend := kit.NewBackend(t)
	e := edge.Start(t, strings.Replace(kit.Global(""), "\tmetrics\n", "\tmetrics\n\tservers {\n\t\tmax_header_size 1MiB\n\t}\n", 1)+
		kit.Site("loewen.localhost:{$PORT}", bare("loewen", "", backend.Addr))+
		kit.Site("sonnen.localhost:{$PORT}", bare("sonnen", "arguments 100000\nparts 100000\ncookies 100000\ntext 10MiB\ntime 1h", backend.Addr)))
	client := edge.From("127.0.0.1")
	cost := func(p parcel, host string, n, status int) time.Duration {
		before := kit.CPU(t, e.PID)
		for range n {
			if got := p.send(t, client, e.URL, host); status != 0 && got != status {
				t.Errorf("status %d, want %d", got, status)
				break
			}
		}
		return (kit.CPU(t, e.PID) - before) / time.Duration(n)
	}
	for name, waste := range wasted() {
		reached := backend.Requests.Load()
		refused := cost(waste.parcel, "loewen.localhost", 50, waste.status)
		if backend.Requests.Load() != reached {
			t.Errorf("%s reached the shop", name)
		}
		inspected := cost(waste.parcel, "sonnen.localhost", 1, 0)
		t.Logf("%s: %s to refuse, %s to inspect", name, refused, inspected)
		if refused > 5*time.Millisecond {
			t.Errorf("%s: %s of CPU time to refuse", name, refused)
		}
		if inspected < 40*time.Millisecond {
			t.Errorf("control: %s: only %s of CPU time to inspect", name, inspected)
		}
	}
}

// costliest is the request for which the firewall takes the longest of all that
// it lets through: bounds used up by bytes that cost it most.
func costliest() *parcel {
	const width = 32<<10/255 - 1
	var fields []string
	for i := range 255 {
		fields = append(fields, fmt.Sprintf("%c%c=%s", 'a'+i%26, 'a'+i/26, strings.Repeat("a{", width)[:width-3]))
	}
	return &parcel{[]string{formType, "User-Agent: Mozilla/5.0 " + strings.Repeat("a{", 7<<10)}, strings.Join(fields, "&")}
}

// bombard sends it a hundred times a second from as many clients until stop is
// called, and counts the answers by status.
func bombard(t testing.TB, e *edge.Edge, p *parcel, host string) (stop func() map[int]int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	statuses, done := make(map[int]int), make(chan struct{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: 20 * time.Second}
	all.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			all.Go(func() {
				status := p.send(t, client, e.URL, host)
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
	})
	return func() map[int]int {
		close(done)
		all.Wait()
		client.CloseIdleConnections()
		return statuses
	}
}

// TestDearRequestsStayWithinTheBudget: whatever one shop is sent, its
// inspections take no more than its budget, and other shops are served; without
// a budget they take all there is.
func TestDearRequestsStayWithinTheBudget(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	const budget, concurrency, lasts = 250 * time.Millisecond, 2, 4 * time.Second
	backend := kit.NewBackend(t)
	config := func(each time.Duration, concurrency int) string {
		return kit.Global("") +
			kit.Site("loewen.localhost:{$PORT}", bare("loewen", fmt.Sprintf("time %s\nconcurrency %d", each, concurrency), backend.Addr)) +
			kit.Site("sonnen.localhost:{$PORT}", bare("sonnen", "", backend.Addr))
	}
	costly := costliest()
	order := &parcel{[]string{formType}, "article=aspirin&amount=2&street=Hauptstrasse+1&city=Musterstadt"}
	used := func(each time.Duration, concurrency int) (cpu, one time.Duration) {
		e := edge.Start(t, config(each, concurrency))
		client := edge.From("127.0.0.1")
		before := kit.CPU(t, e.PID)
		for range 3 { // while the budget is still whole
			if status := costly.send(t, client, e.URL, "loewen.localhost"); status != http.StatusOK && status != http.StatusServiceUnavailable {
				t.Errorf("status %d: this is not a request that is let through", status)
			}
			one = max(one, kit.CPU(t, e.PID)-before)
			before = kit.CPU(t, e.PID)
		}
		stop := bombard(t, e, costly, "loewen.localhost")
		time.Sleep(2 * time.Second) // what was saved up is spent
		before = kit.CPU(t, e.PID)
		began := time.Now()
		slowest, served := time.Duration(0), 0
		for ; time.Since(began) < lasts; served++ {
			asked := time.Now()
			if status := order.send(t, client, e.URL, "sonnen.localhost"); status != http.StatusOK {
				t.Errorf("with %s of time: another shop's order has status %d", each, status)
			}
			slowest = max(slowest, time.Since(asked))
			time.Sleep(100 * time.Millisecond)
		}
		cpu = time.Duration(float64(kit.CPU(t, e.PID)-before) * float64(lasts) / float64(time.Since(began)))
		e.Kill()
		t.Logf("with %s of time a second: one request %s of CPU time, the flood %s in %s, answers %v; %d orders of another shop, the slowest in %s",
			each, one, cpu, lasts, stop(), served, slowest)
		return cpu, one
	}
	held, one := used(budget, concurrency)
	free, _ := used(time.Hour, 64) // of which spenders have an eighth
	// Those under way when the budget ends may end, too; reading and refusing
	// four hundred requests of 64 KB takes time as well.
	bound := time.Duration(budget.Seconds()*float64(lasts)) + concurrency*one
	if held > bound*13/10 {
		t.Errorf("the flood took %s of CPU time, want %s at most", held, bound)
	}
	if free < 2*bound {
		t.Errorf("control: without a budget it took only %s, with one it may take %s", free, bound)
	}
}
