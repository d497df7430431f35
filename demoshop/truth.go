package demoshop

import "net/http"

// Truth is what really reached the shop, counted exactly since it opened. The counts of
// an edge in front are compared with it.
//
// No order is lost and none is doubled when Orders.Lost is 0 and each
// customer's own reference is found by OrdersFor exactly once.
type Truth struct {
	Shop     string           `json:"shop"`
	Requests int64            `json:"requests"` // sum of Kinds
	Kinds    map[string]int64 `json:"kinds"`    // page, product, search, …
	Statuses map[string]int64 `json:"statuses"` // 1xx to 5xx; a request in work has none yet
	Shed     Shed             `json:"shed"`
	Logins   Logins           `json:"logins"`
	Uploads  Uploads          `json:"uploads"`
	Sockets  Sockets          `json:"sockets"`
	Orders   Orders           `json:"orders"`
}

// Shed counts the requests for which there was no worker. All got 503.
type Shed struct {
	Total     int64 `json:"total"`
	QueueFull int64 `json:"queue_full"` // refused at once
	TooLate   int64 `json:"too_late"`   // refused after Config.Patience
	HungUp    int64 `json:"hung_up"`    // left while waiting; noticed only of requests without a body
}

// Logins counts POSTs of the log-in form that got a worker.
type Logins struct {
	Attempts int64 `json:"attempts"`
	Failures int64 `json:"failures"`
}

// Uploads counts prescriptions that arrived whole.
type Uploads struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Sockets counts e-prescription sessions.
type Sockets struct {
	Sessions int64 `json:"sessions"` // ever opened
	Open     int64 `json:"open"`     // now
	Refused  int64 `json:"refused"`  // beyond Config.Sockets
	Messages int64 `json:"messages"` // answered
}

// Orders counts what became of orders.
type Orders struct {
	// Drafts handed out with a checkout form. The same cart gets the same
	// draft again, so reloading the form does not start a second order.
	Started int64 `json:"started"`

	// Orders that exist: from drafts and from the API.
	Placed int64 `json:"placed"`

	Paid    int64 `json:"paid"`
	Shipped int64 `json:"shipped"`

	// POSTs of a draft, or of an API order with a used Idempotency-Key, that
	// were answered with the order which already existed.
	Duplicates int64 `json:"duplicates"`

	// Callbacks that reported what was known already.
	RepeatedCallbacks int64 `json:"repeated_callbacks"`

	// POSTs of a draft that this shop did not hand out to that visitor, or
	// forgot, and callbacks for such orders.
	Unknown int64 `json:"unknown"`

	// POSTs to checkout, callback and order API that got 503, repeats and junk
	// included. Zero proves that overload refused no order.
	Refused int64 `json:"refused"`

	// Orders and payments, each once, that the shop owes: refused with 503 or
	// reported as lost, and not made good since by a later POST. A refused
	// checkout is known by the visitor's cart cookie, a callback by ?order= in
	// its URL, an API order by its Idempotency-Key. A refused callback or
	// authorized API order without one stays lost for good; a refused
	// checkout without a draft cannot have been an order.
	Lost int64 `json:"lost"`

	// Orders no longer in memory. Counted above, not to be looked up.
	Forgotten int64 `json:"forgotten"`
}

// Truth returns the counts of this moment.
func (s *Shop) Truth() Truth {
	t := &s.tally
	t.mu.Lock()
	truth := Truth{
		Shop:     s.config.Slug,
		Kinds:    make(map[string]int64, kindCount),
		Statuses: make(map[string]int64, 5),
		Shed: Shed{
			Total:     t.sheds[queueFull] + t.sheds[tooLate] + t.sheds[hungUp],
			QueueFull: t.sheds[queueFull],
			TooLate:   t.sheds[tooLate],
			HungUp:    t.sheds[hungUp],
		},
		Logins:  t.logins,
		Uploads: t.uploads,
		Sockets: t.sockets,
	}
	for k, n := range t.kinds {
		truth.Kinds[kindNames[k]] = n
		truth.Requests += n
	}
	for i, name := range []string{"1xx", "2xx", "3xx", "4xx", "5xx"} {
		truth.Statuses[name] = t.statuses[i+1]
	}
	t.mu.Unlock()

	truth.Orders = s.book.count()
	return truth
}

// direct reports whether r came to the shop without a proxy.
func direct(r *http.Request) bool {
	return r.Header["X-Forwarded-For"] == nil && r.Header["Via"] == nil && r.Header["Forwarded"] == nil
}

// serveTruth answers tests, which reach the shop without a proxy:
//
//	GET  /_truth               the counts
//	GET  /_truth?order=NO      that order, or 404
//	GET  /_truth?for=CUSTOMER       the orders with this e-mail or reference
//	GET  /_truth?orders=all    all orders, oldest first, as a list
//	POST /_truth?lost=DRAFT    a customer could not get this draft through
func (s *Shop) serveTruth(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && q.Has("lost"):
		if !s.ReportLost(q.Get("lost")) {
			writeJSON(w, http.StatusNotFound, problem{"unknown draft"})
			return
		}
		writeJSON(w, http.StatusOK, s.Truth())
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, POST")
		writeJSON(w, http.StatusMethodNotAllowed, problem{"method not allowed"})
	case q.Has("order"):
		o, ok := s.Order(q.Get("order"))
		if !ok {
			writeJSON(w, http.StatusNotFound, problem{"unknown order"})
			return
		}
		writeJSON(w, http.StatusOK, o)
	case q.Has("for"):
		writeJSON(w, http.StatusOK, s.OrdersFor(q.Get("for")))
	case q.Get("orders") == "all":
		writeJSON(w, http.StatusOK, s.book.list(func(Order) bool { return true }))
	default:
		writeJSON(w, http.StatusOK, s.Truth())
	}
}

// Order looks an order up by its number.
func (s *Shop) Order(no string) (Order, bool) { return s.book.order(no) }

// OrdersFor returns the orders with this e-mail address or reference, oldest first.
func (s *Shop) OrdersFor(customer string) []Order {
	return s.book.list(func(o Order) bool { return o.Email == customer || o.Reference == customer })
}

// ReportLost records that a customer could not order with this draft, and reports
// whether the shop knows it. The draft counts as lost until it is placed after all.
func (s *Shop) ReportLost(draft string) bool { return s.book.reportLost(draft) }

// noteLoss records the order or payment that r would have been.
func (s *Shop) noteLoss(r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	switch r.URL.Path {
	case "/checkout":
		s.book.refuseCheckout(s.cartID(r))
	case "/payment/callback":
		s.book.refuseCallback(r.URL.Query().Get("order"))
	case "/api/orders":
		s.book.refuseDirect(r.Header.Get("Idempotency-Key"), s.authorized(r))
	}
}
