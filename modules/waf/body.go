package waf

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"golang.org/x/sync/semaphore"

	"github.com/theriac-edge/theriac/shop"
)

// Bodies are held in memory until the shop has them. A body counts from the
// first byte over what any form takes, and as it arrives: who only announces a
// large one holds nothing.
const (
	smallBody  = 64 << 10
	heldByAll  = 512 << 20
	heldByShop = 128 << 20
	growth     = 256 << 10 // what a large body takes at a time
)

var allBodies = semaphore.NewWeighted(heldByAll)

// body is what was read of a request.
type body struct {
	bytes  []byte
	weight int64 // of it, held in the shop's and the edge's name
	shop   *semaphore.Weighted
}

// read reads the body up to its bound, and puts it back byte for byte. It
// returns what is wrong with it, if something is.
func (h *Handler) read(r *http.Request, v *shop.Visit) (*body, *finding) {
	b := &body{shop: h.bodies}
	if over := h.Bounds.ofHeader(r); over != nil {
		return b, &finding{rule: over.rule, status: over.status}
	}
	if r.Body == nil || r.Body == http.NoBody || isUpgrade(r) {
		return b, nil
	}
	found := b.fill(r.Body, h.Bounds.Body, v.Partner != nil)
	r.Body = restored{io.MultiReader(bytes.NewReader(b.bytes), r.Body), r.Body} // in shadow, the shop gets the rest, too
	if found != nil {
		return b, found
	}
	if over := h.Bounds.ofBody(r, b.bytes); over != nil {
		return b, &finding{rule: over.rule, status: over.status}
	}
	return b, nil
}

// fill reads until the end, the bound, or the end of what may be held.
func (b *body) fill(from io.Reader, bound int64, partner bool) *finding {
	var buffer bytes.Buffer
	for chunk := int64(smallBody); ; chunk = growth {
		n, err := io.CopyN(&buffer, from, min(chunk, bound+1-int64(buffer.Len())))
		b.bytes = buffer.Bytes()
		switch {
		case int64(buffer.Len()) > bound:
			return &finding{rule: "body", status: http.StatusRequestEntityTooLarge}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &finding{rule: "broken", status: statusOf(err)}
		case n == chunk && !b.hold() && !partner:
			return &finding{rule: "busy", status: http.StatusServiceUnavailable}
		}
	}
}

// hold takes room for the next part of a large body.
func (b *body) hold() bool {
	if !b.shop.TryAcquire(growth) {
		return false
	}
	if !allBodies.TryAcquire(growth) {
		b.shop.Release(growth)
		return false
	}
	b.weight += growth
	return true
}

// release gives the room back.
func (b *body) release() {
	if b.weight > 0 {
		b.shop.Release(b.weight)
		allBodies.Release(b.weight)
	}
}

// restored is a body of which some was read and can be read once more.
type restored struct {
	io.Reader
	io.Closer
}

// statusOf is what Caddy's limits and timeouts say of a body that breaks off.
func statusOf(err error) int {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok && tooLarge != nil {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}
