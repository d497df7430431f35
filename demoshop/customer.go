package demoshop

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Customer buys something, as a person with a browser does: one page after the
// other, with cookies, following links and filling in the forms it was given.
// Many goroutines may use one Customer, but each order should have its own
// Reference, by which OrdersFor finds it.
type Customer struct {
	// Where the shop is, such as "http://127.0.0.1:8080".
	Base string

	// The Host header, if the shop has another name than the host in Base.
	Host string

	// What sends the requests. Default: http.DefaultClient. Its cookie jar, if it
	// has one, is shared by all uses of this Customer; without one, each Buy begins
	// with no cookies. Redirects are followed here, not by the client.
	Client *http.Client

	// Sent with every request of the customer, such as Accept-Language or User-Agent.
	// The payment provider, which reports the payment at the end, sends none of these.
	Header http.Header

	// Written into the checkout form. Default: DemoEmail.
	Email, Reference string

	// With a password the customer logs in, as Email, before the checkout.
	Password string

	// Fetch the style sheets and pictures of the front page too.
	Assets bool
}

// Step is one thing that the customer did, and how long it took until the
// last byte of the answer. Following a redirect is part of the step.
type Step struct {
	Name   string        `json:"name"` // browse, assets, search, product, cart, login, checkout, order, payment
	Status int           `json:"status"`
	Took   time.Duration `json:"took_ns"`
}

// Trip is what came of a customer's visit. After an error it holds the steps
// so far, the failed one last.
type Trip struct {
	Order string `json:"order"` // number; empty if none was confirmed
	Draft string `json:"draft"` // number of the checkout form, for ReportLost
	Steps []Step `json:"steps"`
}

var (
	productLink  = regexp.MustCompile(`href="(/product/[^"/?]+)"`)
	assetLink    = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)
	productField = regexp.MustCompile(`name="product" value="([^"]+)"`)
	draftField   = regexp.MustCompile(`name="draft" value="([^"]+)"`)
)

// Buy goes through the shop from the front page to the payment. It stops at
// the first answer that a customer could not go on from.
func (c Customer) Buy(ctx context.Context) (Trip, error) {
	w, err := c.enter()
	if err != nil {
		return Trip{}, err
	}
	err = w.buy(ctx)
	return w.trip, err
}

// Browse looks around without buying: the front page, a search and a product.
func (c Customer) Browse(ctx context.Context) (Trip, error) {
	w, err := c.enter()
	if err != nil {
		return Trip{}, err
	}
	_, err = w.browse(ctx)
	return w.trip, err
}

// walk is one visit in progress.
type walk struct {
	Customer
	client http.Client
	trip   Trip
}

func (c Customer) enter() (*walk, error) {
	w := &walk{Customer: c, client: *cmp.Or(c.Client, http.DefaultClient)}
	w.Email = cmp.Or(c.Email, DemoEmail)
	w.Base = strings.TrimSuffix(c.Base, "/")
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if w.client.Jar == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, fmt.Errorf("entering %s: %w", c.Base, err)
		}
		w.client.Jar = jar
	}
	return w, nil
}

// browse ends at the page of a product.
func (w *walk) browse(ctx context.Context) (product reached, err error) {
	front, err := w.step(ctx, "browse", "/", nil, productLink)
	if err != nil {
		return front, err
	}
	if w.Assets {
		if err := w.fetchAssets(ctx, front.body); err != nil {
			return front, err
		}
	}
	results, err := w.step(ctx, "search", "/search?q="+url.QueryEscape("Nasenspray"), nil, productLink)
	if err != nil {
		return results, err
	}
	return w.step(ctx, "product", results.match, nil, productField)
}

func (w *walk) buy(ctx context.Context) error {
	product, err := w.browse(ctx)
	if err != nil {
		return err
	}
	into := url.Values{"action": {"add"}, "product": {product.match}, "quantity": {"1"}}
	if _, err := w.step(ctx, "cart", "/cart", into, productField); err != nil {
		return err
	}
	if w.Password != "" {
		account := url.Values{"email": {w.Email}, "password": {w.Password}}
		if _, err := w.step(ctx, "login", "/account/login", account, nil); err != nil {
			return err
		}
	}
	form, err := w.step(ctx, "checkout", "/checkout", nil, draftField)
	if err != nil {
		return err
	}
	w.trip.Draft = form.match
	return w.order(ctx)
}

// order sends the checkout form, and then pays as the provider tells the shop.
func (w *walk) order(ctx context.Context) error {
	thanks, err := w.step(ctx, "order", "/checkout", url.Values{
		"draft":     {w.trip.Draft},
		"name":      {"Erika Mustermann"},
		"email":     {w.Email},
		"street":    {"Heidestraße 17"},
		"zip":       {"51147"},
		"city":      {"Köln"},
		"reference": {w.Reference},
		"payment":   {"paypal"},
	}, nil)
	no := thanks.url.Query().Get("order")
	w.trip.Order = no // known from the redirect, even if the page behind it failed
	if err != nil {
		return err
	}
	if no == "" {
		return fmt.Errorf("walking %s: order: no order number in %q", w.Base, thanks.url)
	}
	w.client.Jar, w.Header = nil, nil // the provider is not a browser and has none of the shop's cookies
	_, err = w.step(ctx, "payment", "/payment/callback?order="+url.QueryEscape(no),
		url.Values{"order": {no}, "status": {"paid"}}, nil)
	return err
}
