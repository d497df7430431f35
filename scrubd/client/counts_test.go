package client

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
)

// TestReader reads counts, and says why there are none.
func TestReader(t *testing.T) {
	want := Counts{Instance: "a", Reasons: map[string]ReasonCount{"syn_cookie": {Packets: 7}, "port": {Packets: 1, Watched: 2}}}
	path := filepath.Join(t.TempDir(), "s")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var answer atomic.Pointer[http.HandlerFunc]
	answers := func(how http.HandlerFunc) { answer.Store(&how) }
	answers(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(want) })
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != CountsPath {
			t.Errorf("asked for %s %s", r.Method, r.URL.Path)
		}
		(*answer.Load())(w, r)
	})}
	go func() { _ = server.Serve(socket) }() // ends with Close
	defer server.Close()
	r := NewReader()
	defer r.Close()
	if got, err := r.Read(t.Context(), "unix/"+path); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v", got, err)
	}
	for about, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"an older daemon": {http.NotFound, "404"},
		"no JSON":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("no")) }, "parsing"},
		"negative counts": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"reasons":{"port":{"packets":-1}}}`))
		}, "parsing"},
		"a daemon that hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "asking"},
	} {
		answers(c.answer)
		if _, err := r.Read(t.Context(), "unix/"+path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", about, err, c.want)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(over, "unix/"+path); err == nil {
		t.Error("reads after the end")
	}
	if _, err := r.Read(t.Context(), "unix//nowhere"); err == nil || strings.Contains(err.Error(), "http://") {
		t.Errorf("without a daemon: %v", err)
	}
}
