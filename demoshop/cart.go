package demoshop

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

const maxCarts = 50_000

// cart is what one visitor means to buy, and the draft handed out for exactly
// that.
type cart struct {
	lines []Line // replaced, never changed in place
	draft string
}

// carts are kept by the number in the visitor's cookie. Only putting something
// in makes one, so a flood of page views evicts none.
type carts struct {
	mu   sync.Mutex
	byID *bounded[string, cart]
}

func newCarts() *carts { return &carts{byID: newBounded[string, cart](maxCarts)} }

func (c *carts) lines(id string) []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, _ := c.byID.get(id)
	return have.lines
}

// add puts more of p into the cart. A visitor without a cart gets one, always with a
// number that the shop has made.
func (c *carts) add(id string, p Product, quantity int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.byID.get(id)
	if !ok {
		id = rand.Text()
	}
	for _, l := range have.lines {
		if l.Product == p.ID {
			quantity += l.Quantity
		}
	}
	c.byID.put(id, cart{lines: withLine(have.lines, p, quantity)})
	return id
}

// set changes how much of p is in the cart; nothing means remove it.
func (c *carts) set(id string, p Product, quantity int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.byID.get(id); ok {
		c.byID.put(id, cart{lines: withLine(have.lines, p, quantity)})
	}
}

// withLine returns a copy of lines with that much of p.
func withLine(lines []Line, p Product, quantity int) []Line {
	lines = slices.Clone(lines)
	quantity = min(quantity, maxQuantity)
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Product == p.ID })
	switch {
	case i < 0 && quantity > 0 && len(lines) < maxLines:
		return append(lines, newLine(p, quantity))
	case i >= 0 && quantity > 0:
		lines[i].Quantity = quantity
	case i >= 0:
		return slices.Delete(lines, i, i+1)
	}
	return lines
}

// checkout returns the draft for what is in the cart now, and makes one only
// if there is none yet: a reload of the form is not a second order.
func (c *carts) checkout(id string, b *book) (no string, lines []Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, _ := c.byID.get(id)
	if len(have.lines) == 0 {
		return "", nil
	}
	if _, ok := b.draft(have.draft, id); !ok {
		have.draft = b.start(id, have.lines)
		c.byID.put(id, have)
	}
	return have.draft, have.lines
}

// empty clears the cart, if its content is still that of the draft.
func (c *carts) empty(id, draft string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.byID.get(id); ok && have.draft == draft {
		c.byID.put(id, cart{})
	}
}

// cartBody is what cart.html and checkout.html show of a cart.
type cartBody struct {
	Lines           []Line
	Shipping, Total Cents
	MaxQuantity     int
}

func newCartBody(lines []Line) cartBody {
	return cartBody{
		Lines:       lines,
		Shipping:    shipping(lines),
		Total:       goods(lines) + shipping(lines),
		MaxQuantity: maxQuantity,
	}
}

func (s *Shop) showCart(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "cart.html", "cart", newCartBody(s.carts.lines(s.cartID(r))))
}

// changeCart takes the forms of the product page (add) and the cart page
// (change, remove).
func (s *Shop) changeCart(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	p, ok := productsByID[r.PostForm.Get("product")]
	quantity, err := strconv.Atoi(r.PostForm.Get("quantity"))
	if r.PostForm.Get("quantity") == "" {
		quantity, err = 1, nil
	}
	if !ok || err != nil || quantity < 0 || quantity > 1000 {
		s.message(w, r, http.StatusBadRequest, "bad_form")
		return
	}
	id := s.cartID(r)
	switch r.PostForm.Get("action") {
	case "add", "":
		s.setCookie(w, r, s.cookieName("cart"), s.carts.add(id, p, max(quantity, 1)), 30*24*3600)
	case "change":
		s.carts.set(id, p, quantity)
	case "remove":
		s.carts.set(id, p, 0)
	default:
		s.message(w, r, http.StatusBadRequest, "bad_form")
		return
	}
	http.Redirect(w, r, "/cart", http.StatusSeeOther)
}

func (s *Shop) cartID(r *http.Request) string { return cookie(r, s.cookieName("cart")) }
