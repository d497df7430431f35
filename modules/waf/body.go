package waf

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"

	"golang.org/x/sync/semaphore"

	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/shop"
)

// Bodies are buffered in memory until the shop has them. Bytes beyond smallBody,
// which any form fits into, are charged as they arrive: a client that only announces
// a large body reserves nothing.
const (
	smallBody      = 64 << 10
	bufferedByAll  = 512 << 20
	bufferedByShop = 128 << 20
)

var allBodies = semaphore.NewWeighted(bufferedByAll)

// body is what was read of a request.
type body struct {
	bytes  []byte
	table  *parser.Table
	weight int64 // bytes charged to the shop and to the edge
	shop   *semaphore.Weighted
}

// read reads the body up to its bound and puts it back byte for byte. It returns
// what is wrong with it, or nil.
func (h *Handler) read(r *http.Request, v *shop.Visit) (*body, *finding) {
	b := &body{shop: h.bodies}
	if over := h.Bounds.checkLength(r); over != nil {
		return b, over
	}
	table, err := parser.ReadHeader(r, h.Bounds.limits())
	if b.table = table; err != nil {
		return b, refusedBy(err)
	}
	if r.Body == nil || r.ContentLength == 0 || opensSocket(r) {
		return b, nil
	}
	found := b.fill(r.Body, r.ContentLength, h.Bounds.Body, v.Partner != nil)
	r.Body = restored{io.MultiReader(bytes.NewReader(b.bytes), r.Body), r.Body} // in shadow mode, the shop gets the rest as well
	if found != nil {
		return b, found
	}
	return b, refusedBy(table.ReadBody(r, b.bytes))
}

// fill reads until the end, the bound, or the limit of what may be buffered. The
// announced length is -1 if it is unknown.
func (b *body) fill(from io.Reader, announced, bound int64, partner bool) *finding {
	if announced < 0 || announced > bound {
		announced = bound
	}
	b.bytes = make([]byte, 0, min(announced, smallBody)+1) // one more, to see the end
	for {
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > bound:
			return &finding{rule: "body", status: http.StatusRequestEntityTooLarge}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			if errors.Is(err, os.ErrDeadlineExceeded) {
				layer4.Process.SlowBody()
			}
			return &finding{rule: "broken", status: statusOf(err)}
		case len(b.bytes) == cap(b.bytes):
			more := max(min(int64(len(b.bytes)), announced+1-int64(len(b.bytes))), 1)
			if !b.reserve(more) && !partner {
				return &finding{rule: "busy", status: http.StatusServiceUnavailable}
			}
			b.bytes = append(make([]byte, 0, int64(len(b.bytes))+more), b.bytes...)
		}
	}
}

// reserve charges more bytes of a large body.
func (b *body) reserve(more int64) bool {
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

// release returns what was charged.
func (b *body) release() {
	if b.weight > 0 {
		b.shop.Release(b.weight)
		allBodies.Release(b.weight)
	}
}

// restored is a body whose first part was buffered: it reads from the beginning.
type restored struct {
	io.Reader
	io.Closer
}

// statusOf returns the status for a body that breaks off, because of Caddy's limits
// and timeouts or because of the client.
func statusOf(err error) int {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok && tooLarge != nil {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}
