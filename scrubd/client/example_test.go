package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/ban"
)

// An edge pushes a ban to the scrubber of its host. The server stands for scrubd.
func Example() {
	dir, err := os.MkdirTemp("", "scrubd")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	socket, err := net.Listen("unix", filepath.Join(dir, "scrubd.sock"))
	if err != nil {
		fmt.Println(err)
		return
	}
	pushed := make(chan client.SyncRequest, 10)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request client.SyncRequest
		if err := json.NewDecoder(r.Body).Decode(&request); err == nil && len(request.Bans) > 0 {
			pushed <- request
		}
		_ = json.NewEncoder(w).Encode(client.SyncResponse{Instance: "1"})
	})}
	go func() { _ = server.Serve(socket) }()
	defer server.Close()

	c := client.New(client.Options{
		Node:     func() string { return "edge-1" },
		Renew:    func(netip.Prefix, ban.Ban, time.Time) {},
		OnChange: func(client.Status) {},
	})
	c.Use("unix/"+socket.Addr().String(), func() map[netip.Prefix]ban.Ban { return nil })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go c.Run(ctx)

	now := time.Now()
	c.Push(netip.MustParsePrefix("192.0.2.7/32"), ban.Ban{Cause: ban.ByLimit, Told: now, Until: now.Add(time.Minute)})
	request := <-pushed
	for _, b := range request.Bans {
		fmt.Printf("%s asks to drop %s, banned by %s\n", request.Edge, b.Prefix, b.Cause)
	}
	// Output: edge-1 asks to drop 192.0.2.7/32, banned by limit
}
