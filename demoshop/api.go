package demoshop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// pageOf is one page of a long list.
type pageOf[T any] struct {
	Items   []T `json:"items"`
	Page    int `json:"page"`
	PerPage int `json:"per_page"`
	Total   int `json:"total"`
}

// paginate cuts out the page that ?page= and ?per_page= ask for.
func paginate[T any](all []T, q url.Values) pageOf[T] {
	number := func(name string, otherwise, most int) int {
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || n < 1 {
			return otherwise
		}
		return min(n, most)
	}
	p := pageOf[T]{
		Page:    number("page", 1, 1_000_000),
		PerPage: number("per_page", 20, 100),
		Total:   len(all),
	}
	from := min((p.Page-1)*p.PerPage, len(all))
	p.Items = all[from:min(from+p.PerPage, len(all))]
	return p
}

func (s *Shop) apiProducts(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	writeJSON(w, http.StatusOK, paginate(products, r.URL.Query()))
}

// apiOrders lists orders for merchandise management; ?shipped=false gives the
// ones that are still to be sent.
func (s *Shop) apiOrders(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r) {
		return
	}
	q := r.URL.Query()
	orders := s.book.list(func(o Order) bool {
		want := q.Get("shipped")
		return want == "" || want == strconv.FormatBool(o.Shipped)
	})
	writeJSON(w, http.StatusOK, paginate(orders, q))
}

// apiPlace accepts an order from another system. With an Idempotency-Key it can be
// repeated until it is answered.
func (s *Shop) apiPlace(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r) {
		return
	}
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	key := r.Header.Get("Idempotency-Key")
	buyer, lines, err := parseOrder(body)
	if err == nil && len(key) > maxField {
		err = errors.New("reading order: idempotency key is too long")
	}
	if err != nil {
		writeJSON(w, http.StatusUnprocessableEntity, problem{err.Error()})
		return
	}
	o, repeated := s.book.placeDirect(key, buyer, lines, time.Now())
	w.Header().Set("Location", "/api/orders/"+o.No)
	status := http.StatusCreated
	if repeated {
		status = http.StatusOK
	}
	writeJSON(w, status, o)
}

// apiShip marks an order as sent: {"shipped": true, "tracking": "…"}.
func (s *Shop) apiShip(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r) {
		return
	}
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	var change struct {
		Shipped  bool   `json:"shipped"`
		Tracking string `json:"tracking"`
	}
	err := json.Unmarshal(body, &change)
	if err != nil || !change.Shipped || len(change.Tracking) > maxField {
		writeJSON(w, http.StatusUnprocessableEntity, problem{`body must be {"shipped": true, "tracking": "…"}`})
		return
	}
	o, ok := s.book.ship(r.PathValue("no"), change.Tracking)
	if !ok {
		writeJSON(w, http.StatusNotFound, problem{"unknown order"})
		return
	}
	writeJSON(w, http.StatusOK, o)
}

func (s *Shop) apiNotFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, problem{"not found"})
}

// admit answers 401 to a request without the key.
func (s *Shop) admit(w http.ResponseWriter, r *http.Request) bool {
	if s.authorized(r) {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="orders"`)
	writeJSON(w, http.StatusUnauthorized, problem{"this needs a bearer key"})
	return false
}

func (s *Shop) authorized(r *http.Request) bool {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && s.config.APIKey != "" && sameSecret(key, s.config.APIKey)
}

// parseOrder reads an order: the fields of Buyer, and lines of product and
// quantity. Prices are ours; a product named twice is one line.
func parseOrder(body []byte) (Buyer, []Line, error) {
	var request struct {
		Buyer
		Lines []struct {
			Product  string `json:"product"`
			Quantity int    `json:"quantity"`
		} `json:"lines"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return Buyer{}, nil, fmt.Errorf("reading order: %w", err)
	}
	if wrong := request.mistakes(); len(wrong) > 0 {
		return Buyer{}, nil, fmt.Errorf("reading order: missing or wrong: %s", strings.Join(wrong, ", "))
	}
	if len(request.Lines) == 0 || len(request.Lines) > maxLines {
		return Buyer{}, nil, fmt.Errorf("reading order: %d lines, must be 1 to %d", len(request.Lines), maxLines)
	}
	quantities := make(map[string]int)
	for i, l := range request.Lines {
		if _, ok := productsByID[l.Product]; !ok {
			return Buyer{}, nil, fmt.Errorf("reading order: line %d: no product %q", i+1, l.Product)
		}
		quantities[l.Product] += max(0, min(l.Quantity, maxQuantity+1))
		if l.Quantity < 1 || quantities[l.Product] > maxQuantity {
			return Buyer{}, nil, fmt.Errorf("reading order: line %d: quantity must be 1 to %d", i+1, maxQuantity)
		}
	}
	var lines []Line
	for _, l := range request.Lines {
		if n := quantities[l.Product]; n > 0 {
			lines = append(lines, newLine(productsByID[l.Product], n))
			delete(quantities, l.Product)
		}
	}
	return request.Buyer, lines, nil
}
