package shield

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/banindex"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestHiddenTraffic: connections that the gate refuses and packets that scrubd drops count for the
// shop at which a client was banned. Those of a client that another edge has banned count for none.
func TestHiddenTraffic(t *testing.T) {
	a := testApp(t)
	path := filepath.Join(t.TempDir(), "s")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	// A scrubd that drops three packets of each ban when it is told of it.
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request client.SyncRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		response := client.SyncResponse{Instance: "1"}
		for _, b := range request.Bans {
			response.Hits = append(response.Hits, client.Hit{Prefix: b.Prefix, Packets: 3})
		}
		_ = json.NewEncoder(w).Encode(response)
	})}
	go func() { _ = server.Serve(socket) }() // ends with Close
	defer server.Close()
	rt := a.runtime
	a.log = zap.NewNop()
	rt.scrubber.Use("unix/"+path, none)
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { rt.scrubber.Run(ctx) })
	defer running.Wait()
	defer end()

	here, elsewhere := source(1), source(2)
	b := ban.Ban{Key: a.Hasher().Ban(here), Cause: ban.ByLimit, Told: time.Now(), Until: time.Now().Add(time.Minute)}
	rt.bans.Request(banindex.Pending{Ban: b, Client: here, At: "loewen", End: func(bool) {}})
	if err := rt.store.Ban(counters.BanRequest{Ban: b, At: "loewen", PerMinute: 1}); err != nil {
		t.Fatal(err)
	}
	a.banFor(t, elsewhere.String(), "")
	for range 5 {
		for _, prefix := range []netip.Prefix{here, elsewhere} {
			key, is := a.BanOf(prefix.Addr(), time.Now())
			if !is {
				t.Fatalf("%s is not banned", prefix)
			}
			a.CountRefused(key)
		}
	}
	dropped := func() bool {
		one, _ := rt.scrubber.Find(here)
		other, _ := rt.scrubber.Find(elsewhere)
		return one.Packets > 0 && other.Packets > 0
	}
	sample.Within(t, 10*time.Second, "scrubd has dropped packets of both", dropped)
	sample.Within(t, 10*time.Second, "they are counted", func() bool {
		all, packets, connections := a.Hidden("loewen")
		return all == 8 && packets == 3 && connections == 5
	})
	if all, _, _ := a.Hidden("sonnen"); all != 0 {
		t.Errorf("%d are counted for another shop", all)
	}
}
