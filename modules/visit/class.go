package visit

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/shop"
)

// segments are the words by which shop software names its pages, in English
// and German: Shopware, Magento, WooCommerce, OXID, PrestaShop, Gambio.
var segments = words(map[shop.Class]string{
	shop.Callback: "callback callbacks ipn webhook webhooks notify notification",
	shop.Checkout: "checkout kasse onepage order bestellung bestellen payment zahlung prescription rezept e-rezept",
	shop.Cart:     "cart warenkorb basket addtocart",
	shop.Account:  "account konto login logout register registrieren anmelden customer my-account mein-konto password",
	shop.Search:   "search suche finder catalogsearch suggest",
	shop.API:      "api store-api rest graphql wp-json",
})

// endings are the files that a shop serves without rendering a page.
var endings = words(map[shop.Class]string{
	shop.Asset: "css js mjs map png jpg jpeg gif svg webp avif ico woff woff2 ttf eot mp4 webm txt xml webmanifest",
})

func words(lists map[shop.Class]string) map[string]shop.Class {
	index := make(map[string]shop.Class)
	for class, list := range lists {
		for word := range strings.FieldsSeq(list) {
			index[word] = class
		}
	}
	return index
}

// maxSegments bounds the work for hostile paths; what tells classes apart
// stands near the front.
const maxSegments = 6

// maxWord is longer than any word above.
const maxWord = 16

// classOf is the pharmacy preset. A class decides which limit counts a
// request, never whether it is limited, so a visitor gains nothing by names.
func classOf(r *http.Request) shop.Class {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return shop.Socket
	}
	path := r.URL.Path
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
			if class, ok := lookUp(endings, path[dot+1:]); ok {
				return class
			}
		}
	}
	class := shop.Page
	for range maxSegments {
		var segment string
		path = strings.TrimLeft(path, "/")
		segment, path, _ = strings.Cut(path, "/")
		if segment == "" {
			break
		}
		found, ok := lookUp(segments, segment)
		switch {
		case !ok:
		case found == shop.Callback:
			return found // /api/paypal/webhook is a webhook, /payment/callback a callback
		case class == shop.Page:
			class = found
		}
	}
	return class
}

// lookUp finds a word in any case without allocating.
func lookUp(index map[string]shop.Class, word string) (shop.Class, bool) {
	if len(word) > maxWord {
		return 0, false
	}
	var lower [maxWord]byte
	for i := range len(word) {
		c := word[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	class, ok := index[string(lower[:len(word)])]
	return class, ok
}
