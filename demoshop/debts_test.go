package demoshop

import (
	"fmt"
	"net"
	"net/http"
	"testing"
)

func TestHangingUpIsLoss(t *testing.T) {
	config := Loewen()
	config.Concurrency, config.Queue = 1, 1
	s, server := open(t, config)
	finish := slowPost(t, server.URL, "/cart")
	until(t, "the worker is taken", func() bool { return len(s.workers.slots) == 1 })

	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "POST /payment/callback HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")
	until(t, "one waits", func() bool { return s.workers.waiting.Load() == 1 })
	conn.Close()
	until(t, "he is counted", func() bool { return s.Truth().Shed.HungUp == 1 })
	until(t, "so is his payment", func() bool { return s.Truth().Orders.Lost == 1 })
	finish()
}

func TestLostOrdersAreMadeGood(t *testing.T) {
	config := Loewen()
	config.Concurrency, config.APIKey = 1, "key"
	s, server := open(t, config)
	b := browser(t)
	form := draftFor(t, b, server.URL)
	paid := func(query string) (*http.Response, string) {
		return do(t, browser(t), "POST", server.URL+"/payment/callback"+query, "status=paid", "Content-Type", "application/x-www-form-urlencoded")
	}
	api := func(key, auth string) {
		do(t, browser(t), "POST", server.URL+"/api/orders", goodOrder, "Authorization", auth, "Idempotency-Key", key)
	}
	o, _ := s.book.placeDirect("", Buyer{}, nil, t0)
	overloaded := func(f func()) {
		t.Helper()
		s.workers.slots <- struct{}{}
		f()
		s.workers.give()
	}
	for _, step := range []struct {
		what          string
		do            func()
		refused, lost int64
	}{
		{"a checkout is refused", func() { post(t, b, server.URL+"/checkout", form) }, 1, 1},
		{"and again", func() { post(t, b, server.URL+"/checkout", form) }, 2, 1},
		{"a flood without a cart does not order", func() { post(t, browser(t), server.URL+"/checkout", form) }, 3, 1},
		{"reading does not order", func() { do(t, b, "GET", server.URL+"/checkout", "") }, 3, 1},
		{"a payment is refused", func() { paid("?order=" + o.No) }, 4, 2},
		{"a payment for an order that is none", func() { paid("?order=X") }, 5, 2},
		{"a payment for an unknown order", func() { paid("") }, 6, 3},
		{"an API order is refused", func() { api("k", "Bearer key") }, 7, 4},
		{"an API order without the key", func() { api("k2", "Bearer guess") }, 8, 4},
		{"the draft is reported too", func() { s.ReportLost(form.Get("draft")) }, 8, 4},
	} {
		overloaded(step.do)
		if got, want := s.Truth().Orders, step; got.Refused != want.refused || got.Lost != want.lost {
			t.Errorf("%s: got %d refused, %d lost, want %d, %d", step.what, got.Refused, got.Lost, want.refused, want.lost)
		}
	}
	for _, step := range []struct {
		what string
		do   func()
		lost int64
	}{
		{"the checkout is sent again", func() { post(t, b, server.URL+"/checkout", form) }, 3},
		{"the payment is told again", func() { paid("?order=" + o.No) }, 2},
		{"the API order is sent again", func() { api("k", "Bearer key") }, 1},
		{"a draft that became an order is reported", func() { s.ReportLost(form.Get("draft")) }, 1},
		{"a repeated checkout is refused", func() { overloaded(func() { post(t, b, server.URL+"/checkout", form) }) }, 1},
		{"a repeated payment is refused", func() { overloaded(func() { paid("?order=" + o.No) }) }, 1},
		{"a repeated API order is refused", func() { overloaded(func() { api("k", "Bearer key") }) }, 1},
	} {
		step.do()
		if got, want := s.Truth().Orders.Lost, step.lost; got != want {
			t.Errorf("%s: got %d lost, want %d", step.what, got, want)
		}
	}
	form = draftFor(t, b, server.URL)
	for draft, want := range map[string]int{form.Get("draft"): 200, "D-nobody's": 404} {
		if res, _ := do(t, browser(t), "POST", server.URL+"/_truth?lost="+draft, ""); res.StatusCode != want {
			t.Errorf("reporting %s: got status %d, want %d", draft, res.StatusCode, want)
		}
	}
	if got, want := s.Truth().Orders.Lost, int64(2); got != want {
		t.Errorf("got %d lost, want %d", got, want)
	}
}
