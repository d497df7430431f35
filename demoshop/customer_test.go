package demoshop

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCustomer(t *testing.T) {
	s, server := open(t, Loewen())
	const customers = 8
	errs := make(chan error, customers)
	for i := range customers {
		go func() {
			c := Customer{
				Base: server.URL, Host: "loewen-apotheke.example", Client: server.Client(),
				Reference: fmt.Sprint("customer ", i), Password: DemoPassword, Assets: true,
			}
			trip, err := c.Buy(context.Background())
			if found := s.OrdersFor(c.Reference); err == nil && (len(found) != 1 || found[0].No != trip.Order || !found[0].Paid) {
				err = fmt.Errorf("bought %q, the shop has %v", trip.Order, found)
			}
			if err == nil && len(trip.Steps) != 9 {
				err = fmt.Errorf("took %v", trip.Steps)
			}
			errs <- err
		}()
	}
	for range customers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	got, want := s.Truth().Orders, Orders{Started: customers, Placed: customers, Paid: customers}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCustomerSaysWhereItEnded(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/", "browse: status 503"},
		{"/search", "search: status 503"},
		{"/checkout/done", "order: status 503"},
		{"/payment/callback", "payment: status 503"},
	} {
		s, err := New(Sonnen())
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == c.path {
				http.Error(w, "no", http.StatusServiceUnavailable)
				return
			}
			s.ServeHTTP(w, r)
		}))
		trip, err := Customer{Base: server.URL}.Buy(t.Context())
		if want := "walking " + server.URL + ": " + c.want; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if got, want := int64(min(1, len(trip.Order))), s.Truth().Orders.Placed; got != want {
			t.Errorf("%s: the customer knows of %d orders, the shop of %d", c.path, got, want)
		}
		if got, want := trip.Steps[len(trip.Steps)-1].Status, 503; got != want {
			t.Errorf("%s: got last status %d, want %d", c.path, got, want)
		}
		server.Close()
	}
}

// A visitor that only looks around leaves no order, and no cart.
func TestCustomerBrowses(t *testing.T) {
	s, server := open(t, Loewen())
	trip, err := Customer{Base: server.URL, Client: server.Client(), Assets: true}.Browse(t.Context())
	if err != nil || len(trip.Steps) != 4 || trip.Order != "" || trip.Draft != "" {
		t.Errorf("%+v, %v", trip, err)
	}
	if got := s.Truth(); got.Orders != (Orders{}) || got.Kinds["cart"] != 0 {
		t.Errorf("the shop counts %+v", got)
	}
}
