package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/drill/flood"
	"github.com/theriac-edge/theriac/drill/load"
)

func floodCommand() *cobra.Command {
	var f flood.Flood
	cmd := &cobra.Command{
		Use:   "flood",
		Short: "Floods one shop on this machine while customers buy, and reports what both saw",
		Long: `Floods one shop on this machine from many loopback addresses, with requests that
look like those of browsers. With --customers, shoppers walk through a shop and
buy meanwhile; with --truth, their orders are compared with those of the shop.

Exits with 1 if a shopper saw an error, an order was lost or doubled, or the
shoppers' p99 is above --p99.`,
		Example: `  drill flood --target http://127.0.0.1:8080 --host loewen.localhost --rate 8000 --from 1000 --for 60s \
    --customers http://127.0.0.1:8080 --customers-host sonnen.localhost --truth http://127.0.0.1:9002/_truth`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.Run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Target, "target", "http://127.0.0.1:8080", "URL to flood; loopback only")
	flags.StringVar(&f.Host, "host", "", "Host header of the flood; default: that of --target")
	flags.StringArrayVar(&f.Paths, "path", []string{"/"}, "path to request; may be repeated")
	flags.StringVar(&f.Agent, "agent", load.Chrome, "User-Agent of the flood")
	flags.StringArrayVar(&f.Cookies, "cookie", nil, "cookie to send, such as a stolen pass (see drill pass); may be repeated: each request carries one")
	flags.IntVar(&f.Rate, "rate", 8000, fmt.Sprintf("requests per second, at most %d", load.MaxRate))
	flags.IntVar(&f.From, "from", 1000, fmt.Sprintf("number of source addresses, at most %d", load.MaxClients))
	flags.DurationVar(&f.Lasts, "for", time.Minute, fmt.Sprintf("duration, at most %s", load.MaxDuration))
	flags.StringVar(&f.Customers.Base, "customers", "", "URL of the shop where customers buy; loopback only; default: no customers")
	flags.StringVar(&f.Customers.Host, "customers-host", "", "Host header of the customers; default: that of --customers")
	flags.IntVar(&f.Customers.Shoppers, "shoppers", 8, fmt.Sprintf("number of concurrent customers, at most %d", load.MaxShoppers))
	flags.DurationVar(&f.Customers.Pause, "pause", 200*time.Millisecond, "how long a customer looks at a page")
	flags.StringVar(&f.Customers.Truth, "truth", "", "URL of the shop's own counts, not through the edge; loopback only")
	flags.DurationVar(&f.Customers.P99, "p99", 50*time.Millisecond, "upper bound of the customers' p99 latency")
	return cmd
}
