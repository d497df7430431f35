// Package trouble finds out when an edge has to tell people of a trouble of its own, and when
// that is over. It knows no Caddy, and sends nothing.
package trouble

import (
	"fmt"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/alert"
)

// trouble is something of which an edge tells people when it begins, and when it is over. It
// is of the process: a reload does not end it.
type trouble struct {
	mu   sync.Mutex
	told *alert.Event // nil: none
}

// begin returns what is to be told, if it was not. The incident is the same each time that the
// trouble comes, so that one that a restart has left open ends with the next.
func (t *trouble) begin(e alert.Event) *alert.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told != nil {
		return nil
	}
	e.ID = troubleID(&e)
	t.told = &e
	told := e
	return &told
}

// end returns what is to be told of the end, if the beginning was told.
func (t *trouble) end(now time.Time, words func(begun *alert.Event) string) *alert.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told == nil {
		return nil
	}
	over := *t.told
	over.Kind, over.Severity, over.At, over.Ends, over.Details = alert.Over, alert.Info, now, now, nil
	over.Words, over.ID = words(t.told), troubleID(&over)
	t.told = nil
	return &over
}

// troubleID names a change of this trouble alone.
func troubleID(e *alert.Event) string {
	return fmt.Sprintf("%s/%d/%v", e.Incident, e.Starts.Unix(), e.Kind)
}

// Open returns the trouble, if there is one, as it was told.
func (t *trouble) Open() []alert.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told == nil {
		return nil
	}
	return []alert.Event{*t.told}
}
