package demoshop

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// checkoutBody is what checkout.html shows: the cart as it will be sent, and
// the form as far as it is filled in.
type checkoutBody struct {
	cartBody
	Draft    string
	Buyer    Buyer
	Payments []string
	Mistakes []string
}

// Wrong reports whether a field has to be filled in again.
func (b checkoutBody) Wrong(field string) bool { return slices.Contains(b.Mistakes, field) }

func (s *Shop) checkoutForm(w http.ResponseWriter, r *http.Request) {
	no, lines := s.carts.checkout(s.cartID(r), s.book)
	if no == "" {
		http.Redirect(w, r, "/cart", http.StatusSeeOther)
		return
	}
	s.render(w, r, http.StatusOK, "checkout.html", "checkout", checkoutBody{
		cartBody: newCartBody(lines),
		Draft:    no,
		Buyer:    Buyer{Email: s.signedIn(r), Payment: payments[0]},
		Payments: payments,
	})
}

// checkout places the order, once for each draft.
func (s *Shop) checkout(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	no, id := field("draft"), s.cartID(r)
	buyer := Buyer{
		Name:      field("name"),
		Email:     field("email"),
		Street:    field("street"),
		Zip:       field("zip"),
		City:      field("city"),
		Reference: field("reference"),
		Payment:   field("payment"),
	}
	d, known := s.book.draft(no, id)
	if mistakes := buyer.mistakes(); known && d.order == "" && len(mistakes) > 0 {
		s.render(w, r, http.StatusUnprocessableEntity, "checkout.html", "checkout", checkoutBody{
			cartBody: newCartBody(d.lines),
			Draft:    no,
			Buyer:    buyer,
			Payments: payments,
			Mistakes: mistakes,
		})
		return
	}
	o, ok := s.book.place(no, id, buyer, time.Now())
	if !ok {
		s.message(w, r, http.StatusConflict, "stale_form")
		return
	}
	s.carts.empty(id, no)
	http.Redirect(w, r, "/checkout/done?order="+url.QueryEscape(o.No), http.StatusSeeOther)
}

// done thanks the buyer; for other visitors the page does not exist.
func (s *Shop) done(w http.ResponseWriter, r *http.Request) {
	o, ok := s.book.order(r.URL.Query().Get("order"))
	if !ok || o.owner == "" || o.owner != s.cartID(r) {
		s.notFound(w, r)
		return
	}
	s.render(w, r, http.StatusOK, "done.html", "thanks", o)
}
