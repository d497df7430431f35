package watch

import (
	"slices"

	"github.com/theriac-edge/theriac/shop"
)

// Stream is a group of dynamic requests, which cost a shop about the same. Each has a budget
// of its own, so that a flood of pages does not hide one of log-ins.
type Stream uint8

// The streams.
const (
	Page Stream = iota // pages, and calls of their scripts
	Search
	Account
	Order // cart and checkout
	streams
)

var streamNames = [...]string{Page: "page", Search: "search", Account: "account", Order: "order"}

// A stream added above and not named here does not compile.
var _ = [1]struct{}{}[len(streamNames)-int(streams)]

func (s Stream) String() string { return streamNames[s] }

// ParseStream returns the stream of that name.
func ParseStream(name string) (s Stream, ok bool) {
	i := slices.Index(streamNames[:], name)
	return Stream(max(i, 0)), i >= 0
}

// Streams is the number of streams; a Stream is an index below it.
const Streams = int(streams)

// StreamOf returns the stream of a class, and false for what is no dynamic request:
// assets, WebSockets that are open, notifications, and what is fetched without cookies,
// which have budgets of their own and are never challenged.
func StreamOf(class shop.Class) (s Stream, dynamic bool) {
	switch class {
	case shop.Page, shop.API:
		return Page, true
	case shop.Search:
		return Search, true
	case shop.Account:
		return Account, true
	case shop.Cart, shop.Checkout:
		return Order, true
	}
	return 0, false
}
