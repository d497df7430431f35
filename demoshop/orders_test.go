package demoshop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestCart(t *testing.T) {
	_, server := open(t, Loewen())
	b := browser(t)
	for _, c := range []struct {
		form   string
		status int
		count  string
	}{
		{"action=add&product=nasenspray", 303, "1"},
		{"action=add&product=nasenspray&quantity=2", 303, "3"},
		{"action=add&product=pflaster&quantity=999", 303, "23"},
		{"action=change&product=nasenspray&quantity=1", 303, "21"},
		{"action=remove&product=pflaster", 303, "1"},
		{"action=change&product=nasenspray&quantity=0", 303, "0"},
		{"action=remove&product=pflaster", 303, "0"},
		{"action=add&product=nothing", 400, "0"},
		{"action=add&product=nasenspray&quantity=-1", 400, "0"},
		{"action=add&product=nasenspray&quantity=many", 400, "0"},
		{"action=burn&product=nasenspray", 400, "0"},
		{"action=%zz", 400, "0"},
		{"action=" + strings.Repeat("x", maxBody), 413, "0"},
	} {
		res, _ := do(t, b, "POST", server.URL+"/cart", c.form, "Content-Type", "application/x-www-form-urlencoded")
		if got, want := res.StatusCode, c.status; got != want {
			t.Errorf("%.60s: got status %d, want %d", c.form, got, want)
		}
		for _, cookie := range res.Cookies() {
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
				t.Errorf("%.60s: got cookie %q, want HttpOnly and SameSite=Lax", c.form, cookie)
			}
		}
		_, page := do(t, b, "GET", server.URL+"/cart", "")
		if want := `<span class="count">` + c.count + `</span>`; !strings.Contains(page, want) {
			t.Errorf("%.60s: %q is not on the page", c.form, want)
		}
	}
}

func TestCartNumberIsNotTheVisitors(t *testing.T) {
	_, server := open(t, Loewen())
	res, _ := do(t, browser(t), "POST", server.URL+"/cart", "product=nasenspray",
		"Content-Type", "application/x-www-form-urlencoded", "Cookie", "loewen_cart=mine", "X-Forwarded-Proto", "https")
	c := res.Cookies()[0]
	if c.Value == "mine" || !c.Secure {
		t.Errorf("got cookie %q, want a new number, and Secure because the edge has TLS", c)
	}
}

func TestDoubleSubmitMakesOneOrder(t *testing.T) {
	s, server := open(t, Loewen())
	b := browser(t)
	form := draftFor(t, b, server.URL)
	var places sync.Map
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			res, _ := post(t, b, server.URL+"/checkout", form)
			places.Store(res.Header.Get("Location"), res.StatusCode)
		})
	}
	all.Wait()
	count := 0
	for place, status := range places.Range {
		count++
		if status != 303 || !strings.HasPrefix(place.(string), "/checkout/done?order=LOEWEN-000001-") {
			t.Errorf("got status %v to %q", status, place)
		}
		_, page := do(t, b, "GET", server.URL+place.(string), "")
		if !strings.Contains(page, "erika@kunden.example") {
			t.Errorf("the customer is not thanked: %s", page)
		}
		if res, _ := do(t, browser(t), "GET", server.URL+place.(string), ""); res.StatusCode != 404 {
			t.Errorf("a stranger got status %d, want 404", res.StatusCode)
		}
	}
	if got, want := count, 1; got != want {
		t.Errorf("got %d orders, want %d", got, want)
	}
	if got, want := s.Truth().Orders, (Orders{Started: 1, Placed: 1, Duplicates: 19}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := len(s.OrdersFor("E-1")), 1; got != want {
		t.Errorf("got %d orders for the reference, want %d", got, want)
	}
}

func TestDrafts(t *testing.T) {
	s, server := open(t, Loewen())
	b := browser(t)
	first := draftFor(t, b, server.URL)
	_, page := do(t, b, "GET", server.URL+"/checkout", "")
	if !strings.Contains(page, first.Get("draft")) {
		t.Error("a reload of the form got another draft")
	}
	wrong := url.Values{"draft": first["draft"], "email": {"nobody"}, "payment": {"shells"}}
	res, page := post(t, b, server.URL+"/checkout", wrong)
	if got, want := res.StatusCode, 422; got != want || strings.Count(page, `aria-invalid="true"`) != 5 {
		t.Errorf("an empty form: got status %d and page %s, want %d with 5 marked fields", got, page, want)
	}
	if res, _ := post(t, browser(t), server.URL+"/checkout", first); res.StatusCode != 409 {
		t.Errorf("another visitor's draft: got status %d, want 409", res.StatusCode)
	}
	second := draftFor(t, b, server.URL) // the cart has changed
	if first.Get("draft") == second.Get("draft") {
		t.Error("a changed cart got the same draft")
	}
	if res, _ := post(t, b, server.URL+"/checkout", first); res.StatusCode != 303 {
		t.Errorf("the older form: got status %d, want 303: it says what will be sent", res.StatusCode)
	}
	if got, want := s.book.list(func(Order) bool { return true })[0].Lines[0].Quantity, 1; got != want {
		t.Errorf("got quantity %d, want %d, as the older form said", got, want)
	}
	if got, want := s.Truth().Orders, (Orders{Started: 2, Placed: 1, Unknown: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCallback(t *testing.T) {
	s, server := open(t, Loewen())
	o, _ := s.book.placeDirect("", Buyer{}, nil, t0)
	const form, js = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	for _, c := range []struct {
		query, media, body, want string
	}{
		{"", form, "order=NO&status=failed", `200 {"order":"NO","paid":false,"repeated":false}`},
		{"", form, "order=NO&status=paid", `200 {"order":"NO","paid":true,"repeated":false}`},
		{"", js, `{"order":"NO","status":"paid"}`, `200 {"order":"NO","paid":true,"repeated":true}`},
		{"?order=NO", form, "status=failed", `200 {"order":"NO","paid":true,"repeated":true}`},
		{"?order=NO", form, "order=X&status=paid", `400 {"error":"reading callback: URL and body name different orders"}`},
		{"", form, "status=paid", `400 {"error":"reading callback: no order number"}`},
		{"", form, "order=NO&status=stolen", `400 {"error":"reading callback: status \"stolen\" is neither paid nor failed"}`},
		{"", js, `{"order":`, `400 {"error":"reading callback: unexpected end of JSON input"}`},
		{"", "text/plain", "order=NO", `400 {"error":"reading callback: content type \"text/plain\" is neither form nor JSON"}`},
		{"", "", "", `400 {"error":"reading content type: mime: no media type"}`},
		{"", form, "order=X&status=paid", `404 {"error":"unknown order"}`},
		{"", form, strings.Repeat("x", maxBody+1), `413 {"error":"body is too large"}`},
	} {
		fill := func(s string) string { return strings.ReplaceAll(s, "NO", o.No) }
		res, body := do(t, browser(t), "POST", server.URL+"/payment/callback"+fill(c.query), fill(c.body), "Content-Type", c.media)
		if got, want := fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(body)), fill(c.want); got != want {
			t.Errorf("%.60s:\ngot  %s\nwant %s", c.body, got, want)
		}
	}
	if got, want := s.Truth().Orders, (Orders{Placed: 1, Paid: 1, RepeatedCallbacks: 2, Unknown: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

const goodOrder = `{"name":"Erika","email":"e@kunden.example","street":"Weg 1","zip":"1","city":"Köln","reference":"R-7","payment":"invoice","lines":[{"product":"nasenspray","quantity":2},{"product":"nasenspray","quantity":1}]}`

func TestOrderAPI(t *testing.T) {
	config := Loewen()
	config.APIKey = "key"
	s, server := open(t, config)
	const auth = "Bearer key"
	var no string
	for _, c := range []struct {
		what, method, path, body, auth, key string
		status                              int
		contains                            string
	}{
		{"products are public", "GET", "/api/products?per_page=5&page=4", "", "", "", 200, `"page":4,"per_page":5,"total":18`},
		{"a page past the end is empty", "GET", "/api/products?page=99", "", "", "", 200, `"items":[]`},
		{"orders are not public", "GET", "/api/orders", "", "", "", 401, "bearer key"},
		{"a wrong key", "GET", "/api/orders", "", "Bearer kez", "", 401, "bearer key"},
		{"no orders yet", "GET", "/api/orders", "", auth, "", 200, `"items":[]`},
		{"a new order", "POST", "/api/orders", goodOrder, auth, "k1", 201, `"quantity":3,"price_cents":379}],"shipping_cents":395,"total_cents":1532`},
		{"the same again", "POST", "/api/orders", goodOrder, auth, "k1", 200, "LOEWEN-000001-"},
		{"no lines", "POST", "/api/orders", strings.Split(goodOrder, `,"lines"`)[0] + "}", auth, "", 422, "0 lines"},
		{"too much of it", "POST", "/api/orders", strings.Replace(goodOrder, ":2}", ":20}", 1), auth, "", 422, "line 2: quantity"},
		{"no such product", "POST", "/api/orders", strings.Replace(goodOrder, "nasenspray", "gift", 1), auth, "", 422, `line 1: no product`},
		{"no name", "POST", "/api/orders", strings.Replace(goodOrder, "Erika", "", 1), auth, "", 422, "missing or wrong: name"},
		{"not JSON", "POST", "/api/orders", "order", auth, "", 422, "reading order: invalid"},
		{"shipping it", "PATCH", "/api/orders/NO", `{"shipped":true,"tracking":"T1"}`, auth, "", 200, `"shipped":true,"tracking":"T1"`},
		{"and again", "PATCH", "/api/orders/NO", `{"shipped":true}`, auth, "", 200, `"tracking":"T1"`},
		{"unshipping it", "PATCH", "/api/orders/NO", `{"shipped":false}`, auth, "", 422, "body must be"},
		{"shipping another", "PATCH", "/api/orders/X", `{"shipped":true}`, auth, "", 404, "unknown order"},
		{"what is left to ship", "GET", "/api/orders?shipped=false", "", auth, "", 200, `"total":0`},
		{"all orders", "GET", "/api/orders", "", auth, "", 200, `"total":1`},
	} {
		headers := []string{"Idempotency-Key", c.key, "Authorization", c.auth}
		res, body := do(t, browser(t), c.method, server.URL+strings.ReplaceAll(c.path, "NO", no), c.body, headers...)
		if got, want := res.StatusCode, c.status; got != want || !strings.Contains(body, c.contains) {
			t.Errorf("%s: got %d %s, want %d with %q", c.what, got, body, want, c.contains)
		}
		if res.StatusCode == 201 {
			no = strings.TrimPrefix(res.Header.Get("Location"), "/api/orders/")
		}
	}
	if got, want := s.Truth().Orders, (Orders{Placed: 1, Shipped: 1, Duplicates: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTruthLooksOrdersUp(t *testing.T) {
	s, server := open(t, Loewen())
	o, _ := s.book.placeDirect("", Buyer{Email: "a@b.example", Reference: "R"}, nil, t0)
	for _, c := range []struct{ query, want string }{
		{"order=" + o.No, "200 object"},
		{"order=X", "404 object"},
		{"for=R", "200 1"},
		{"for=a@b.example", "200 1"},
		{"for=X", "200 0"},
		{"orders=all", "200 1"},
	} {
		res, body := do(t, browser(t), "GET", server.URL+"/_truth?"+c.query, "")
		got := fmt.Sprint(res.StatusCode, " object")
		var list []Order
		if json.Unmarshal([]byte(body), &list) == nil {
			got = fmt.Sprint(res.StatusCode, " ", len(list))
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.query, got, c.want)
		}
	}
}
