package demoshop

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
)

// callbackAnswer is what the payment provider reads.
type callbackAnswer struct {
	Order    string `json:"order"`
	Paid     bool   `json:"paid"`
	Repeated bool   `json:"repeated"` // known already, which is fine
}

// callback receives the result of a payment from the provider. Providers repeat a
// callback until it is answered with 200, so repeating it is harmless.
func (s *Shop) callback(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	no, paid, err := parseCallback(r.Header.Get("Content-Type"), r.URL.Query().Get("order"), body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, problem{err.Error()})
		return
	}
	o, repeated, ok := s.book.pay(no, paid)
	if !ok {
		writeJSON(w, http.StatusNotFound, problem{"unknown order"})
		return
	}
	writeJSON(w, http.StatusOK, callbackAnswer{o.No, o.Paid, repeated})
}

// parseCallback reads order and status from a form or from JSON. The order may
// be in the URL instead, but not differ from the one in the body.
func parseCallback(contentType, inURL string, body []byte) (no string, paid bool, err error) {
	var said struct {
		Order  string `json:"order"`
		Status string `json:"status"`
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", false, fmt.Errorf("reading content type: %w", err)
	}
	switch media {
	case "application/json":
		if err := json.Unmarshal(body, &said); err != nil {
			return "", false, fmt.Errorf("reading callback: %w", err)
		}
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return "", false, fmt.Errorf("reading callback: %w", err)
		}
		said.Order, said.Status = form.Get("order"), form.Get("status")
	default:
		return "", false, fmt.Errorf("reading callback: content type %q is neither form nor JSON", media)
	}
	if said.Order == "" {
		said.Order = inURL
	}
	switch {
	case said.Order == "":
		return "", false, errors.New("reading callback: no order number")
	case inURL != "" && inURL != said.Order:
		return "", false, errors.New("reading callback: URL and body name different orders")
	case said.Status != "paid" && said.Status != "failed":
		return "", false, fmt.Errorf("reading callback: status %q is neither paid nor failed", said.Status)
	}
	return said.Order, said.Status == "paid", nil
}
