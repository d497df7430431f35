package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
)

// How long pages take.
const (
	Usual = 100 * time.Millisecond
	Slow  = 900 * time.Millisecond
)

// Faults is what the shop did.
type Faults struct {
	Pages   int `json:"pages"`
	Failed  int `json:"failed"`
	Slow    int `json:"slow"`
	Orders  int `json:"orders"` // that were submitted
	Lost    int `json:"lost"`
	Doubled int `json:"doubled"`
}

// faulty is the shop with its faults.
type faulty struct {
	shop http.Handler

	mu    sync.Mutex
	did   Faults
	gets  int
	twice map[string]bool // references of orders that the shop says it has twice
}

// ServeHTTP implements http.Handler.
func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/_truth" && r.URL.Query().Get("orders") != "":
		f.tellOrders(w, r)
	case r.URL.Path == "/_truth" || strings.HasPrefix(r.URL.Path, "/static/"):
		f.shop.ServeHTTP(w, r)
	default:
		f.page(w, r)
	}
}

// page is late, and fails or is served.
func (f *faulty) page(w http.ResponseWriter, r *http.Request) {
	takes, fails := f.next(r)
	time.Sleep(takes)
	if fails {
		http.Error(w, "this page fails on purpose", http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodPost && r.URL.Path == "/checkout" {
		f.order(r)
	}
	f.shop.ServeHTTP(w, r)
}

// next counts a page, and says what happens to it.
func (f *faulty) next(r *http.Request) (takes time.Duration, fails bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.write()
	f.did.Pages++
	if takes = Usual; f.did.Pages%10 == 0 {
		takes = Slow
		f.did.Slow++
	}
	if r.Method == http.MethodGet {
		if f.gets++; f.gets%8 == 0 {
			f.did.Failed++
			return takes, true
		}
	}
	return takes, false
}

// order loses an order, or marks it as one that the shop has twice.
func (f *faulty) order(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	form, _ := url.ParseQuery(string(body)) // the shop says what is wrong with it
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.write()
	f.did.Orders++
	switch {
	case f.did.Orders%3 == 0:
		f.did.Lost++
		form.Set("reference", "another customer's")
	case f.did.Orders%2 == 0:
		f.did.Doubled++
		f.twice[form.Get("reference")] = true
	}
	text := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
}

// tellOrders is the shop's account, with those twice that it has twice.
func (f *faulty) tellOrders(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	f.shop.ServeHTTP(answer, r)
	var all []demoshop.Order
	if err := json.NewDecoder(bytes.NewReader(answer.Body.Bytes())).Decode(&all); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range all {
		if f.twice[o.Reference] {
			o.No += "-again"
			all = append(all, o)
		}
	}
	_ = json.NewEncoder(w).Encode(all)
}

// write keeps the account; f.mu is held.
func (f *faulty) write() {
	text, _ := json.Marshal(f.did) // numbers
	if err := os.WriteFile("faults.json", text, 0o600); err != nil {
		panic(err) // the drill says that its shop has ended
	}
}
