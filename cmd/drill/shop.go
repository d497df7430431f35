package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/hint"
)

// shopCommand is one shop of a drill, as a process that `drill run` starts.
func shopCommand() *cobra.Command {
	var listen, config string
	var bounds shopBounds
	cmd := &cobra.Command{
		Use:    "shop",
		Short:  "Runs one demo shop, for drill run",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			addr, err := netip.ParseAddrPort(listen)
			if err != nil || !addr.Addr().IsLoopback() {
				return hint.Errorf("127.0.0.1:9001", "reading --listen %q: want a loopback address with a port", listen)
			}
			var c demoshop.Config
			if err := json.Unmarshal([]byte(config), &c); err != nil {
				return fmt.Errorf("reading --config: %w", err)
			}
			return serveShop(cmd.Context(), c, listen, bounds)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on; loopback only")
	cmd.Flags().StringVar(&config, "config", "", "the shop's configuration as JSON")
	cmd.Flags().IntVar(&bounds.connections, "connections", 0, "connections that are open at a time; others wait. 0: any number")
	cmd.Flags().StringVar(&bounds.secure, "secure", "", "another address, for TLS and HTTP/2")
	cmd.Flags().StringVar(&bounds.certificate, "certificate", "", "file of the certificate and its key, for --secure")
	return cmd
}

// shopBounds say how a shop is reached.
type shopBounds struct {
	connections         int
	secure, certificate string
}

// listen opens a listener that has so many connections at a time; those beyond wait in
// its backlog, as with the workers of a web server.
func (b *shopBounds) listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("opening the shop: %w", err)
	}
	if b.connections > 0 {
		l = netutil.LimitListener(l, b.connections)
	}
	return l, nil
}

func serveShop(ctx context.Context, c demoshop.Config, listen string, bounds shopBounds) error {
	shop, err := demoshop.New(c)
	if err != nil {
		return err
	}
	defer shop.Close()
	listener, err := bounds.listen(listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: shop, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(listener) }()
	if bounds.secure != "" {
		secure, err := bounds.listen(bounds.secure)
		if err != nil {
			return err
		}
		go func() { ended <- server.ServeTLS(secure, bounds.certificate, bounds.certificate) }()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("running the shop: %w", err)
	}
	return nil
}
