package visit

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/shop"
)

// segments are the path segments by which shop software names its pages, in English and
// German: Shopware, Magento, WooCommerce, OXID, PrestaShop, Gambio.
var segments = index(map[shop.Class]string{
	shop.Checkout: "checkout kasse onepage order bestellung bestellen payment zahlung prescription rezept e-rezept",
	shop.Cart:     "cart warenkorb basket addtocart",
	shop.Account:  "account konto login logout register registrieren anmelden customer my-account mein-konto password",
	shop.Search:   "search suche finder catalogsearch suggest",
	shop.API:      "api store-api rest graphql wp-json",
})

func index(lists map[shop.Class]string) map[string]shop.Class {
	classes := make(map[string]shop.Class)
	for class, list := range lists {
		for segment := range strings.FieldsSeq(list) {
			classes[segment] = class
		}
	}
	return classes
}

// maxSegments bounds the work for hostile paths; classes differ in the first segments.
const maxSegments = 6

// maxSegment is longer than any segment above.
const maxSegment = 16

// classOf is the pharmacy preset for all but assets, which a shop has to have served. A
// class that comes from the address is a claim: whoever knows the names can make it. So no
// class saves a request from the limits, and those that save it from the challenge have a
// budget that no other class shares.
func classOf(r *http.Request) shop.Class {
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return shop.Socket
	case isPublic(r):
		return shop.Public
	case isNotification(r):
		return shop.Callback
	}
	path := r.URL.Path
	for range maxSegments {
		var segment string
		path = strings.TrimLeft(path, "/")
		segment, path, _ = strings.Cut(path, "/")
		if segment == "" {
			break
		}
		segment, _, _ = strings.Cut(segment, ";") // parameters, which Java servers cut off
		segment = strings.TrimRight(segment, " .")
		if class, ok := lookUp(segments, segment); ok {
			return class
		}
	}
	return shop.Page
}

// lookUp finds a segment in any case without allocating.
func lookUp(classes map[string]shop.Class, segment string) (shop.Class, bool) {
	if len(segment) > maxSegment {
		return 0, false
	}
	var lower [maxSegment]byte
	for i := range len(segment) {
		c := segment[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	class, ok := classes[string(lower[:len(segment)])]
	return class, ok
}
