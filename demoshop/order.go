package demoshop

import (
	"net/mail"
	"slices"
	"time"
	"unicode/utf8"
)

// Cents is an amount of money in euro cents.
type Cents int64

const (
	shippingCost = Cents(395)
	freeShipping = Cents(2900) // from here on
	maxLines     = 50
	maxQuantity  = 20 // no pharmacy sends a customer more of one product
	maxField     = 200
)

// A Line is one product in a cart or order.
type Line struct {
	Product  string `json:"product"`
	PZN      string `json:"pzn"`
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Price    Cents  `json:"price_cents"` // of one
}

// Sum is the price of the whole line.
func (l Line) Sum() Cents { return l.Price * Cents(l.Quantity) }

// newLine prices a product; the name on an order is the German one.
func newLine(p Product, quantity int) Line {
	return Line{Product: p.ID, PZN: p.PZN, Name: p.Name.DE, Quantity: quantity, Price: p.Price}
}

func goods(lines []Line) (sum Cents) {
	for _, l := range lines {
		sum += l.Sum()
	}
	return sum
}

func shipping(lines []Line) Cents {
	if goods(lines) >= freeShipping {
		return 0
	}
	return shippingCost
}

// A Buyer is what a customer writes into the checkout form. Reference is the
// customer's own, for finding the order again.
type Buyer struct {
	Name      string `json:"name"`
	Email     string `json:"email"`
	Street    string `json:"street"`
	Zip       string `json:"zip"`
	City      string `json:"city"`
	Reference string `json:"reference,omitempty"`
	Payment   string `json:"payment"`
}

// payments are the ways to pay, the usual one first.
var payments = []string{"invoice", "card", "paypal"}

// mistakes names the fields that keep b from ordering.
func (b Buyer) mistakes() (fields []string) {
	for _, f := range []struct {
		name, value string
		optional    bool
	}{
		{"name", b.Name, false},
		{"street", b.Street, false},
		{"zip", b.Zip, false},
		{"city", b.City, false},
		{"reference", b.Reference, true},
	} {
		if f.value == "" && !f.optional || len(f.value) > maxField || !utf8.ValidString(f.value) {
			fields = append(fields, f.name)
		}
	}
	if a, err := mail.ParseAddress(b.Email); err != nil || a.Address != b.Email || len(b.Email) > maxField {
		fields = append(fields, "email")
	}
	if !slices.Contains(payments, b.Payment) {
		fields = append(fields, "payment")
	}
	return fields
}

// An Order is a promise to send something to someone.
type Order struct {
	No    string `json:"no"`
	Draft string `json:"draft,omitempty"` // the form it came from; none from the API
	Buyer
	Lines    []Line    `json:"lines"`
	Shipping Cents     `json:"shipping_cents"`
	Total    Cents     `json:"total_cents"`
	Placed   time.Time `json:"placed"`
	Paid     bool      `json:"paid"`
	Shipped  bool      `json:"shipped"`
	Tracking string    `json:"tracking,omitempty"`

	owner string // the cart it was bought with
}
