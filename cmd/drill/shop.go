package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/hint"
)

// shopCommand is one shop of a drill, as a process that `drill run` starts.
func shopCommand() *cobra.Command {
	var listen, config string
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
			return serveShop(cmd.Context(), c, listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on; loopback only")
	cmd.Flags().StringVar(&config, "config", "", "the shop's configuration as JSON")
	return cmd
}

func serveShop(ctx context.Context, c demoshop.Config, listen string) error {
	shop, err := demoshop.New(c)
	if err != nil {
		return err
	}
	defer shop.Close()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("opening the shop: %w", err)
	}
	server := &http.Server{Handler: shop, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("running the shop: %w", err)
	}
	return nil
}
