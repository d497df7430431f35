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
		return b, over
	}
	if r.Body == nil || r.ContentLength == 0 || isUpgrade(r) {
		return b, nil
	}
	found := b.fill(r.Body, r.ContentLength, h.Bounds.Body, v.Partner != nil)
	r.Body = restored{io.MultiReader(bytes.NewReader(b.bytes), r.Body), r.Body} // in shadow, the shop gets the rest, too
	if found != nil {
		return b, found
	}
	return b, h.Bounds.ofBody(r, b.bytes)
}

// fill reads until the end, the bound, or the end of what may be held. The
// announced length is -1 if it is not known.
func (b *body) fill(from io.Reader, announced, bound int64, partner bool) *finding {
	if announced < 0 || announced > bound {
		announced = bound
	}
	b.bytes = make([]byte, 0, min(announced, smallBody)+1) // one more, to meet the end
	for {
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > bound:
			return &finding{rule: "body", status: http.StatusRequestEntityTooLarge}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &finding{rule: "broken", status: statusOf(err)}
		case len(b.bytes) == cap(b.bytes):
			more := max(min(int64(len(b.bytes)), announced+1-int64(len(b.bytes))), 1)
			if !b.hold(more) && !partner {
				return &finding{rule: "busy", status: http.StatusServiceUnavailable}
			}
			b.bytes = append(make([]byte, 0, int64(len(b.bytes))+more), b.bytes...)
		}
	}
}

// hold takes room for more of a large body.
func (b *body) hold(more int64) bool {
	if !b.shop.TryAcquire(more) {
		return false
	}
	if !allBodies.TryAcquire(more) {
		b.shop.Release(more)
		return false
	}
	b.weight += more
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
