package demoshop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

var t0 = time.Date(2016, 11, 23, 8, 0, 0, 0, time.UTC)

// slowPost begins a POST and leaves the shop waiting for its body. finish
// sends the rest and returns the status.
func slowPost(t *testing.T, server string, request string) (finish func() int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1\r\n\r\n", request)
	return func() int {
		fmt.Fprint(conn, "x")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestSlowPostHoldsAWorker(t *testing.T) {
	config := Loewen()
	config.Concurrency = 1
	s, server := open(t, config)
	finish := slowPost(t, server.URL, "/cart")
	until(t, "the worker is taken", func() bool { return len(s.workers.slots) == 1 })

	res, page := do(t, browser(t), "GET", server.URL+"/", "")
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(page, config.Phone) {
		t.Errorf("got %d %q %s, want 503 with Retry-After and the telephone number", res.StatusCode, res.Header, page)
	}
	for _, free := range []string{"/static/shop.css", "/favicon.ico", "/healthz", "/_truth"} {
		if res, _ := do(t, browser(t), "GET", server.URL+free, ""); res.StatusCode != 200 {
			t.Errorf("%s: got status %d, want 200: it needs no worker", free, res.StatusCode)
		}
	}
	if res, body := do(t, browser(t), "GET", server.URL+"/api/products", ""); res.StatusCode != 503 || body != "{\"error\":\"overloaded\"}\n" {
		t.Errorf("a machine got %d %q", res.StatusCode, body)
	}
	if got, want := finish(), 400; got != want {
		t.Errorf("the slow one: got status %d, want %d", got, want)
	}
	until(t, "the worker is free", func() bool { return len(s.workers.slots) == 0 })
	if res, _ := do(t, browser(t), "GET", server.URL+"/", ""); res.StatusCode != 200 {
		t.Errorf("afterwards: got status %d, want 200", res.StatusCode)
	}
	if got, want := s.Truth().Shed, (Shed{Total: 2, QueueFull: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A visitor who is turned away must get the answer at once, even without ever sending
// the body he announced.
func TestShedDoesNotWaitForTheBody(t *testing.T) {
	config := Loewen()
	config.Concurrency = 1
	s, server := open(t, config)
	slowPost(t, server.URL, "/cart")
	until(t, "the worker is taken", func() bool { return len(s.workers.slots) == 1 })

	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "POST /checkout HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\ndraft=")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := res.StatusCode, 503; got != want {
		t.Errorf("got status %d, want %d", got, want)
	}
}

func TestQueue(t *testing.T) {
	config := Loewen()
	config.Concurrency, config.Queue, config.Patience = 1, 2, time.Hour
	s, server := open(t, config)
	finish := slowPost(t, server.URL, "/cart")
	until(t, "the worker is taken", func() bool { return len(s.workers.slots) == 1 })

	var waiting sync.WaitGroup
	statuses := make(chan int, 2)
	for range 2 {
		waiting.Go(func() {
			res, _ := do(t, browser(t), "GET", server.URL+"/", "")
			statuses <- res.StatusCode
		})
	}
	until(t, "two wait", func() bool { return s.workers.waiting.Load() == 2 })
	if res, _ := do(t, browser(t), "GET", server.URL+"/", ""); res.StatusCode != 503 {
		t.Errorf("the third: got status %d, want 503", res.StatusCode)
	}
	finish()
	waiting.Wait()
	for range 2 {
		if got, want := <-statuses, 200; got != want {
			t.Errorf("one in the queue: got status %d, want %d", got, want)
		}
	}
	if got, want := s.Truth().Shed, (Shed{Total: 1, QueueFull: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPatienceEnds(t *testing.T) {
	config := Loewen()
	config.Concurrency, config.Queue, config.Patience = 1, 1, 30*time.Millisecond
	s, server := open(t, config)
	slowPost(t, server.URL, "/cart")
	until(t, "the worker is taken", func() bool { return len(s.workers.slots) == 1 })

	start := time.Now()
	res, _ := do(t, browser(t), "GET", server.URL+"/", "")
	if took := time.Since(start); res.StatusCode != 503 || took < config.Patience {
		t.Errorf("got status %d after %v, want 503 after %v", res.StatusCode, took, config.Patience)
	}
	if got, want := s.Truth().Shed, (Shed{Total: 1, TooLate: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPageCostIsCPUTime(t *testing.T) {
	config := Loewen()
	config.PageCost = 5 * time.Millisecond
	_, server := open(t, config)
	const pages = 40
	spend := func(path string) time.Duration {
		before := cpuTime(t)
		for range pages {
			res, err := http.Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		return cpuTime(t) - before
	}
	free, paid := spend("/static/shop.css"), spend("/wp-login.php")
	t.Logf("%d pages of %v took %v CPU, %d assets %v", pages, config.PageCost, paid, pages, free)
	if got, want := paid, pages*config.PageCost/2; got < want {
		t.Errorf("got %v of CPU time for %d pages, want at least %v", got, pages, want)
	}
	if free > paid/2 {
		t.Errorf("assets took %v of CPU time, pages %v: assets must be free", free, paid)
	}
}

// What a shop bears does not depend on the machine if its pages take time and no CPU: with
// two workers, eight pages of 40 ms take four times as long as one.
func TestPageTime(t *testing.T) {
	c := Loewen()
	c.PageTime, c.Concurrency, c.Queue = 40*time.Millisecond, 2, 8
	_, server := open(t, c)
	begun := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			resp, err := http.Get(server.URL + "/")
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	all.Wait()
	if took := time.Since(begun); took < 160*time.Millisecond {
		t.Errorf("eight pages took %s, want at least 160ms", took)
	}
}
