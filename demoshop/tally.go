package demoshop

import (
	"net/http"
	"strings"
	"sync"
)

// kind is what a request asks for.
type kind int

const (
	kindPage kind = iota
	kindProduct
	kindSearch
	kindCart
	kindAccount
	kindCheckout
	kindCallback
	kindPrescription
	kindAPI
	kindAsset
	kindSocket
	kindHealth
	kindOther
	kindCount
)

// kindNames is how Truth spells each kind.
var kindNames = [kindCount]string{
	kindPage:         "page",
	kindProduct:      "product",
	kindSearch:       "search",
	kindCart:         "cart",
	kindAccount:      "account",
	kindCheckout:     "checkout",
	kindCallback:     "callback",
	kindPrescription: "prescription",
	kindAPI:          "api",
	kindAsset:        "asset",
	kindSocket:       "socket",
	kindHealth:       "health",
	kindOther:        "other",
}

var kindsByFolder = map[string]kind{
	"":             kindPage,
	"product":      kindProduct,
	"search":       kindSearch,
	"cart":         kindCart,
	"account":      kindAccount,
	"checkout":     kindCheckout,
	"payment":      kindCallback,
	"prescription": kindPrescription,
	"api":          kindAPI,
	"static":       kindAsset,
	"favicon.ico":  kindAsset,
	"cardlink":     kindSocket,
	"healthz":      kindHealth,
}

func kindOf(path string) kind {
	folder, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if k, ok := kindsByFolder[folder]; ok {
		return k
	}
	return kindOther
}

// dynamic reports whether a worker has to render the response. Pages that do not exist
// are dynamic, as in most shops. Sockets have a server of their own.
func (k kind) dynamic() bool {
	return k != kindAsset && k != kindSocket && k != kindHealth
}

// tally counts what reached the shop, each request once.
type tally struct {
	mu       sync.Mutex
	kinds    [kindCount]int64
	statuses [6]int64 // by hundreds
	sheds    [hungUp + 1]int64
	logins   Logins
	uploads  Uploads
	sockets  Sockets
}

// add changes a counter of t.
func (t *tally) add(counter *int64, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*counter += n
}

func (t *tally) arrived(k kind)      { t.add(&t.kinds[k], 1) }
func (t *tally) refused(why waitEnd) { t.add(&t.sheds[why], 1) }
func (t *tally) answered(status int) { t.add(&t.statuses[min(status/100, 5)], 1) }

// answer is a ResponseWriter that counts the status before the visitor can see it, so
// that Truth never lags behind what a visitor knows.
type answer struct {
	http.ResponseWriter
	tally   *tally
	counted bool
}

// WriteHeader counts the final status; 100 and 103 are not final.
func (a *answer) WriteHeader(status int) {
	if !a.counted && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.counted = true
		a.tally.answered(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write counts a 200 if no other status was written.
func (a *answer) Write(p []byte) (int, error) {
	if !a.counted {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController and the WebSocket find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) finish() {
	if !a.counted {
		a.WriteHeader(http.StatusOK)
	}
}
