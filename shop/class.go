package shop

import (
	"fmt"
	"strings"
)

// Class is what a request is for. Limits, challenges and the WAF treat the classes
// differently; the class itself refuses nothing.
type Class uint8

// The classes, from the preset of the stage `visit` and the shop's own rules.
const (
	Page     Class = iota // a page that the shop renders
	Search                // a search: the most expensive page
	Cart                  // filling the cart
	Checkout              // the way from cart to order, prescriptions included
	Account               // log-in and the customer's own pages
	Callback              // notifications of payment providers, webhooks
	API                   // merchandise management, storefront APIs
	Asset                 // pictures, styles, scripts
	Socket                // WebSocket, such as e-prescriptions
	Public                // what is fetched without cookies: /.well-known, feeds, CORS preflights
	classes
)

var classNames = [...]string{
	Page: "page", Search: "search", Cart: "cart", Checkout: "checkout",
	Account: "account", Callback: "callback", API: "api", Asset: "asset",
	Socket: "socket", Public: "public",
}

// A class added above and not named here does not compile.
var _ = [1]struct{}{}[len(classNames)-int(classes)]

func (c Class) String() string { return classNames[c] }

// Classes is the number of classes; a Class is an index below it.
const Classes = int(classes)

// ParseClass returns the class with this name.
func ParseClass(name string) (Class, error) {
	for c, n := range classNames {
		if n == name {
			return Class(c), nil
		}
	}
	return 0, fmt.Errorf("unrecognized class %q, want one of %s", name, strings.Join(classNames[:], ", "))
}

// ClassSet is a set of classes.
type ClassSet uint16

// AllClasses holds every class.
const AllClasses = ClassSet(1<<classes - 1)

// Dynamic holds the classes that a shop computes for visitors, so they can be challenged. What
// machines send, sockets that are open, and assets are not among them.
const Dynamic = ClassSet(1<<Page | 1<<Search | 1<<Cart | 1<<Checkout | 1<<Account | 1<<API)

// With returns the set with c added.
func (s ClassSet) With(c Class) ClassSet { return s | 1<<c }

// Has reports whether c is in the set.
func (s ClassSet) Has(c Class) bool { return s&(1<<c) != 0 }
