package alert

import (
	"sync"
	"time"
)

// A Status is what has become of the alerts to one receiver since it was made. It has no
// secrets: of a URL it is the host.
type Status struct {
	Name, Format, Host string
	On                 []Kind

	Waiting   int // in the queue, or for the next try
	Delivered int
	Dead      int
	Dropped   int

	Last Outcome
	At   time.Time // of Last; zero: nothing has happened yet
	Why  string    // of Last, if a try failed
}

// Status returns what has become of the alerts to each receiver.
func (a *Alerts) Status() []Status {
	all := make([]Status, len(a.workers))
	for i, w := range a.workers {
		all[i] = w.status.get()
		all[i].Name, all[i].Format, all[i].Host, all[i].On = w.name, w.format, w.host, w.on
	}
	return all
}

// history counts the outcomes of one receiver.
type history struct {
	mu sync.Mutex
	is Status
}

func (h *history) get() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.is
}

// wait counts alerts that wait now, or no longer.
func (h *history) wait(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.is.Waiting += n
}

func (h *history) add(o Outcome, n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch o {
	case Delivered:
		h.is.Delivered += n
		h.is.Waiting -= n
	case Dead:
		h.is.Dead += n
		h.is.Waiting -= n
	case Dropped:
		h.is.Dropped += n
	case Merged:
		return // what becomes of the message is still to come
	}
	h.is.Last, h.is.At, h.is.Why = o, time.Now(), ""
	if err != nil {
		h.is.Why = err.Error()
	}
}
