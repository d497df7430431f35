package waf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/shop"
)

// reading is a handler that can read, with room for so much.
func reading(held int64) *Handler {
	return &Handler{Bounds: *defaults(), bodies: semaphore.NewWeighted(held)}
}

// upload is a request with a body that is read from somewhere.
func upload(body io.Reader) *http.Request {
	r := asked(http.MethodPost, "/", "Content-Type: application/octet-stream")
	r.Body, r.ContentLength = io.NopCloser(body), -1
	return r
}

func ruleOf(found *finding) string {
	if found == nil {
		return "fine"
	}
	return found.rule
}

// TestLargeBodiesHaveRoom: what one shop holds is bounded, and so is what all
// of them hold together; partners, small bodies and other shops are read in any
// case, and what is released can be used again.
func TestLargeBodiesHaveRoom(t *testing.T) {
	const mib = 1 << 20
	large := bytes.Repeat([]byte{0}, mib)
	customer, partner := new(shop.Visit), &shop.Visit{Partner: new(shop.Partner)}
	full, other := reading(4*mib), reading(4*mib)
	var held []*body
	read := func(h *Handler, v *shop.Visit, content []byte) string {
		b, found := h.read(upload(bytes.NewReader(content)), v)
		held = append(held, b)
		return ruleOf(found)
	}
	for i := range 4 {
		if got := read(full, customer, large); got != "fine" {
			t.Errorf("body %d: %s", i+1, got)
		}
	}
	for _, c := range []struct {
		name    string
		handler *Handler
		visit   *shop.Visit
		content []byte
		want    string
	}{
		{"one more", full, customer, large, "busy"},
		{"a form", full, customer, large[:smallBody-1], "fine"},
		{"a partner's", full, partner, large, "fine"},
		{"another shop's", other, customer, large, "fine"},
	} {
		if got := read(c.handler, c.visit, c.content); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for _, b := range held {
		b.release()
	}
	if got := read(full, customer, large); got != "fine" {
		t.Errorf("after all were released: %s", got)
	}
	held[len(held)-1].release()
	if !full.bodies.TryAcquire(4*mib) || !allBodies.TryAcquire(bufferedByAll) {
		t.Fatal("not all room was given back")
	}
	if got := read(other, customer, large); got != "busy" { // allBodies is used up
		t.Errorf("with no room left for all shops together: %s, want busy", got)
	}
	held[len(held)-1].release()
	allBodies.Release(bufferedByAll)
	if !other.bodies.TryAcquire(4 * mib) {
		t.Error("a body that found no room in the edge's buffer still holds some of its shop's")
	}
}

// pausing reads like a client that stops in the middle.
type pausing struct {
	io.Reader
	pause func()
}

func (p *pausing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		p.pause()
	}
	return n, err
}

// TestBodiesHoldAsTheyArrive: a client that only announces a large body holds nothing.
func TestBodiesHoldAsTheyArrive(t *testing.T) {
	for sent, want := range map[int]bool{0: true, smallBody - 1: true, smallBody + 1: false, 1 << 20: false} {
		h := reading(1 << 20)
		free := false
		r := upload(&pausing{strings.NewReader(strings.Repeat("\x00", sent)), func() {
			if free = h.bodies.TryAcquire(1 << 20); free {
				h.bodies.Release(1 << 20)
			}
		}})
		r.ContentLength = 12 << 20
		b, _ := h.read(r, new(shop.Visit))
		b.release()
		if free != want {
			t.Errorf("%d bytes sent of 12 MiB: all room is free: %t, want %t", sent, free, want)
		}
	}
}

// TestBodiesAreRestored: the next reader gets every byte, and the error that
// it broke off with.
func TestBodiesAreRestored(t *testing.T) {
	broken := errors.New("broken off")
	for name, c := range map[string]struct {
		size int
		tail error
		want string
	}{
		"nothing":        {0, nil, "fine"},
		"a byte":         {1, nil, "fine"},
		"the bound":      {1 << 20, nil, "fine"},
		"a byte more":    {1<<20 + 1, nil, "body"},
		"far more":       {3 << 20, nil, "body"},
		"what breaks":    {1000, broken, "broken"},
		"what is cut":    {1000, &http.MaxBytesError{Limit: 1000}, "broken"},
		"what is closed": {1000, io.ErrUnexpectedEOF, "broken"},
	} {
		content := bytes.Repeat([]byte{0, 'x'}, c.size)[:c.size]
		var from io.Reader = bytes.NewReader(content)
		if c.tail != nil {
			from = io.MultiReader(from, failing{c.tail})
		}
		h := reading(bufferedByShop)
		h.Bounds.Body = 1 << 20
		r := upload(from)
		b, found := h.read(r, new(shop.Visit))
		got, err := io.ReadAll(r.Body)
		b.release()
		if ruleOf(found) != c.want || !bytes.Equal(got, content) || !errors.Is(err, c.tail) {
			t.Errorf("%s: %s, and then %d bytes and %v; want %s, %d and %v", name, ruleOf(found), len(got), err, c.want, c.size, c.tail)
		}
		if _, cut := c.tail.(*http.MaxBytesError); cut && found.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", name, found.status)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// countedByTier is how many of all vectors this process has stopped.
func countedByTier() (n uint64) {
	for _, controls := range layer4.Process.Counts().Stopped {
		for _, stopped := range controls {
			n += stopped
		}
	}
	return n
}

// TestSlowBodiesAreCounted as those of the tier: what does not come in time, over HTTP/1.1 and
// HTTP/2, and not what breaks off because the client has left.
func TestSlowBodiesAreCounted(t *testing.T) {
	for about, c := range map[string]struct {
		http2, leaves bool
		want          uint64
	}{
		"slow":              {want: 1},
		"slow, over HTTP/2": {http2: true, want: 1},
		"cut off":           {leaves: true},
	} {
		t.Run(about, func(t *testing.T) {
			h, rules := reading(1<<20), make(chan string, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				patience := 50 * time.Millisecond
				if c.leaves {
					patience = 10 * time.Second
				}
				if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Error(err)
				}
				_, found := h.read(r, new(shop.Visit))
				rules <- ruleOf(found)
			}))
			server.EnableHTTP2 = c.http2
			server.StartTLS()
			defer server.Close()
			before := countedByTier()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			body, more := io.Pipe()
			defer more.Close()
			go func() {
				_, _ = io.WriteString(more, "q=1")
				if c.leaves {
					leave()
					_ = more.CloseWithError(context.Canceled) // the client's transport waits for the body
				}
			}()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer, err := server.Client().Do(r)
			if err == nil {
				answer.Body.Close()
			}
			if rule := <-rules; rule != "broken" {
				t.Errorf("it is %s, want broken", rule)
			}
			if now := countedByTier() - before; now != c.want {
				t.Errorf("%d slow bodies are counted, want %d", now, c.want)
			}
		})
	}
}
