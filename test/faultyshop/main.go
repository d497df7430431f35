// Command faultyshop is a demo shop with faults that are known: it is started in place of
// `drill shop`, and a drill has to report exactly what it did.
//
//	faultyshop shop --listen 127.0.0.1:1234 --config {…}
//
// Every page takes Usual, and each tenth Slow. Each eighth page that is asked for by GET is
// answered with 500 instead. Each third order gets into the shop under another customer's
// name, so that its own has none: it is confirmed and lost. Of the others, the shop says of
// each second one that it has it twice.
//
// What it did stands in the file faults.json of its directory, and is written anew at each
// fault.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"

	"github.com/theriac-edge/theriac/demoshop"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "faultyshop:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	listen := flags.String("listen", "", "address to listen on")
	config := flags.String("config", "", "the shop's configuration as JSON")
	_ = flags.Int("connections", 0, "as drill shop has it; without effect")
	if len(args) == 0 {
		return flag.ErrHelp
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	var c demoshop.Config
	if err := json.Unmarshal([]byte(*config), &c); err != nil {
		return fmt.Errorf("reading --config: %w", err)
	}
	shop, err := demoshop.New(c)
	if err != nil {
		return err
	}
	defer shop.Close()
	return http.ListenAndServe(*listen, &faulty{shop: shop, twice: make(map[string]bool)})
}
