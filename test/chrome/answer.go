package chrome

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// Answer is what a browser got for one request. Redirects count each.
type Answer struct {
	Kind       network.ResourceType // Document for pages
	Method     string
	Host, Path string
	Status     int
	Header     map[string]string // as it came; names in the server's case
	Posted     string            // the request's body, as far as the browser tells
	Sent, Got  time.Duration     // by the browser's own clock
}

func (a Answer) String() string {
	return fmt.Sprintf("%s %s%s %d", a.Method, a.Host, a.Path, a.Status)
}

// heard is what a tab's browser told.
type heard struct {
	mu         sync.Mutex
	open       map[network.RequestID]*Answer
	answers    []Answer
	complaints []string
}

// hear keeps answers, and errors of scripts and policies. That an answer has an
// error's status is no complaint: it is in the nature of a challenge.
func (h *heard) hear(event any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.RedirectResponse != nil {
			h.close(e.RequestID, e.RedirectResponse, since(e.Timestamp))
		}
		h.send(e)
	case *network.EventResponseReceived:
		h.close(e.RequestID, e.Response, since(e.Timestamp))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			h.complaints = append(h.complaints, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		h.complaints = append(h.complaints, exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError && len(e.Args) > 0 {
			h.complaints = append(h.complaints, strings.Trim(string(e.Args[0].Value), `"`))
		}
	}
}

func since(t cdp.MonotonicTime) time.Duration {
	return time.Duration(t.Float64() * float64(time.Second))
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception != nil {
		return d.Text + " " + d.Exception.Description
	}
	return d.Text
}

func (h *heard) send(e *network.EventRequestWillBeSent) {
	at, err := url.Parse(e.Request.URL)
	if err != nil || !strings.HasPrefix(at.Scheme, "http") {
		return // data: and blob: never leave the browser
	}
	if h.open == nil {
		h.open = map[network.RequestID]*Answer{}
	}
	a := &Answer{Kind: e.Type, Method: e.Request.Method, Host: at.Hostname(), Path: at.Path, Sent: since(e.Timestamp)}
	for _, part := range e.Request.PostDataEntries {
		a.Posted += string(part.Bytes)
	}
	h.open[e.RequestID] = a
}

func (h *heard) close(id network.RequestID, r *network.Response, got time.Duration) {
	a := h.open[id]
	if a == nil {
		return
	}
	delete(h.open, id)
	a.Status, a.Got, a.Header = int(r.Status), got, map[string]string{}
	for name, value := range r.Headers {
		a.Header[strings.ToLower(name)] = fmt.Sprint(value)
	}
	h.answers = append(h.answers, *a)
}

// Answers returns what the browser got so far.
func (h *heard) Answers() []Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.answers)
}

// Complaints returns what the browser complained of so far.
func (h *heard) Complaints() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.complaints)
}
