package client

import (
	"context"
	"net/http"
)

// CountsPath is where the daemon tells, by GET, how many packets it has counted, as Counts.
const CountsPath = "/counts"

// Counts are the packets of all policies, since the dataplane was loaded.
type Counts struct {
	// Instance names the dataplane's daemon: see SyncResponse.
	Instance string `json:"instance"`

	// By reason, as scrubd's metrics name it. Reasons without packets are left out.
	Reasons map[string]ReasonCount `json:"reasons"`
}

// ReasonCount is how many packets left for a reason.
type ReasonCount struct {
	Packets uint64 `json:"packets"`

	// Packets that would have left for it without mode monitor.
	Watched uint64 `json:"watched,omitempty"`
}

// Reader reads the counts of a daemon. It is for one goroutine.
type Reader struct{ http *http.Client }

// NewReader returns a Reader that has asked nobody yet.
func NewReader() *Reader {
	return &Reader{&http.Client{Timeout: timeout, Transport: transport()}}
}

// Read asks the daemon at an address, such as unix//run/scrubd/scrubd.sock. A daemon that takes
// longer than a second is an error.
func (r *Reader) Read(ctx context.Context, address string) (c Counts, err error) {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+hostOf(address)+CountsPath, http.NoBody)
	if err != nil {
		return c, err
	}
	return c, ask(r.http, get, &c)
}

// Close closes the connection.
func (r *Reader) Close() { r.http.CloseIdleConnections() }
